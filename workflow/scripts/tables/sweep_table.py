"""Every metric along a line with intervals, and paired differences between its points.

Differences are taken from a reference, the point nearest to 0 (theta- in g1). `variance_saved`
is the share of a difference's variance that shared prompts and common random numbers save
together; `variance_saved_by_random_numbers` is the share of its sampling noise that the random
numbers save alone.

A language model treats a text that ended by itself and one that was cut at the limit
differently, so a third table has the metrics of ended texts and of cut texts.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.measurement import Measurement, measure
from paramlerp.measure.pairing import difference, with_bands
from paramlerp.measure.samples import SampleFiles, read, sample_files

ENDINGS = {True: "ended", False: "cut"}
#: metrics that mean nothing for one ending alone: dist-n falls as a prompt has more texts
NOT_BY_ENDING = ("ended", "dist1", "dist2", "dist3")
#: all columns that mean nothing there: a prompt may have fewer texts of one ending than samples
DROPPED = [f"{name}{end}" for name in NOT_BY_ENDING for end in ("", "_low", "_high")]
DROPPED += ["n_samples"]


def differences(
    measurements: list[Measurement], coordinate: str, bootstrap: Bootstrap
) -> list[dict]:
    """A row for each metric of each point: its difference from the reference of its line.

    An interval is of one point; the bands of a metric hold for all points of its line.
    """
    lines: dict[tuple, list[Measurement]] = {}
    for point in measurements:
        line = tuple((name, value) for name, value in point.key.items() if name != coordinate)
        lines.setdefault(line, []).append(point)
    rows = []
    for points in lines.values():
        reference = min(points, key=lambda point: abs(float(point.key[coordinate])))
        differences_of_line = []
        for point in points:
            if point is reference:
                continue
            key = {**point.key, "reference": reference.key[coordinate]}
            for metric in point.metrics:
                columns, gap = difference(reference, point, metric, bootstrap)
                differences_of_line.append(({**key, "metric": metric, **columns}, gap))
        rows += with_bands(differences_of_line, ["metric"], bootstrap)
    return rows


def main(
    keys: list[dict],
    coordinate: str,
    paths: list[SampleFiles],
    kinds: dict[str, str],
    bootstrap: Bootstrap,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The table, the differences, and the table by ending (ended or cut).

    `keys` name the measurements, `paths` are the files of each, `kinds` is scorer -> kind.
    """
    measurements, by_ending = [], []
    for key, sample_paths in zip(keys, paths, strict=True):
        samples = read(sample_paths, kinds)
        measurements.append(measure(key, samples, bootstrap))
        for ended in sorted(set(samples.texts["ended"])):
            part = samples.select(samples.texts["ended"] == ended)
            n_prompts = part.texts["prompt_id"].nunique()
            part_key = {**key, "texts": ENDINGS[ended], "n_prompts": n_prompts}
            by_ending.append(measure(part_key, part, bootstrap))
    return (
        pd.DataFrame([point.row() for point in measurements]),
        pd.DataFrame(differences(measurements, coordinate, bootstrap)),
        pd.DataFrame([part.row() for part in by_ending]).drop(columns=DROPPED),
    )


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        counts = [params.files_per_measurement] * len(params.measurements)
        table, differences_table, by_ending = main(
            params.measurements,
            params.coordinate,
            sample_files(snakemake.input, params.kinds, counts),
            params.kinds,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        files.write_frame(snakemake.output.table, table)
        files.write_frame(snakemake.output.differences, differences_table)
        files.write_frame(snakemake.output.endings, by_ending)
