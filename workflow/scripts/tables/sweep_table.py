"""Every metric along a line with intervals, and paired differences between its points.

The reference of the differences is the point nearest to 0 (theta- in g1).
`variance_saved` is what shared prompts and common random numbers together take
off the variance of a difference; `variance_saved_by_random_numbers` what the
numbers alone take off the part of it that sampling adds.

A text that ended by itself and one that was cut at the limit are different things
to a language model; so the metrics of each sort are told apart in a table too.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.points import Point, difference, grouped, measure, read, some


def differences(measured: list[Point], coordinate: str, confidence: float) -> list[dict]:
    """Each point against the reference of its line along a coordinate, metric by metric."""
    lines: dict[tuple, list[Point]] = {}
    for point in measured:
        line = tuple((k, v) for k, v in point.where.items() if k != coordinate)
        lines.setdefault(line, []).append(point)
    rows = []
    for own in lines.values():
        reference = min(own, key=lambda point: abs(float(point.where[coordinate])))
        rows += [
            {
                **point.where,
                "reference": reference.where[coordinate],
                "metric": name,
                **difference(reference, point, name, confidence),
            }
            for point in own
            if point is not reference
            for name in point.found
        ]
    return rows


def main(
    places: list[dict],
    coordinate: str,
    texts: list[list[str]],
    scores: dict[str, list[list[str]]],
    kinds: dict,
    how: dict,
    seed,
):
    """Return the table, the differences, and the table of ended and cut texts apart.

    `texts` and `scores` are the paths of each place.
    """
    measured, apart = [], []
    for index, where in enumerate(places):
        own, read_scores = read(texts[index], {n: p[index] for n, p in scores.items()}, kinds)
        measured.append(measure(where, own, read_scores, how, seed))
        for ended in sorted(set(own["ended"])):
            part, its_scores = some(own["ended"] == ended, own, read_scores)
            which = {"texts": ENDINGS[ended], "n_prompts": part["prompt_id"].nunique()}
            apart.append(measure({**where, **which}, part, its_scores, how, seed))
    return (
        pd.DataFrame([point.row() for point in measured]),
        pd.DataFrame(differences(measured, coordinate, how["confidence"])),
        pd.DataFrame([point.row() for point in apart]).drop(
            columns=[f"{name}{end}" for name in NOT_APART for end in ("", "_low", "_high")]
        ),
    )


ENDINGS = {True: "ended", False: "cut"}
#: metrics that make no sense for one sort of texts: dist-n falls as a prompt has more texts
NOT_APART = ("ended", "dist1", "dist2", "dist3")


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        sizes = [params.shards] * len(params.places)
        table, gaps, endings = main(
            params.places,
            params.coordinate,
            grouped(given.texts, sizes),
            {name: grouped(given[name], sizes) for name in params.kinds},
            params.kinds,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.differences, gaps)
        files.write_csv(snakemake.output.endings, endings)
