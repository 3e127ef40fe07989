"""Two lines compared: point by point, and at equal values of their attribute.

The points that a shift lines up have moved equally far along their lines. Both sides continue the
same prompts with the same random numbers, so differences (the second line minus the first) are
paired. `measure.equal` says how lines are compared at equal values of the attribute.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.equal import compare_at_equal
from paramlerp.measure.measurement import measure
from paramlerp.measure.pairing import common, compare, with_bands
from paramlerp.measure.samples import SampleFiles, read, sample_files
from paramlerp.weights import naming

#: the two lines; differences are the second minus the first
SIDES = ("first", "second")
#: columns of the tables before those of the metrics' values, also if no points are lined up
PAIRED = ["prompts", "first_at", "second_at", "metric"]
AT_EQUAL = ["prompts", "metric", "scale", "level"]


def main(
    lines: dict[str, list[tuple[dict[str, str], SampleFiles]]],
    shift: float,
    attribute: str,
    kinds: dict[str, str],
    bootstrap: Bootstrap,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The paired differences between points, and the differences at equal attribute.

    `lines` is side -> its points, each by its `prompts` and the coordinate where it is (`at`),
    with its files, in ascending order. A point of the second line is compared with the one of the
    first whose coordinate is larger by `shift`. Only the samples that all points of both lines
    have take part. `attribute` is the attribute's scorer, `kinds` scorer -> kind.
    """
    keys = [(side, key) for side in SIDES for key, _ in lines[side]]
    samples = common(read(paths, kinds) for side in SIDES for _, paths in lines[side])
    sets: dict[str, dict] = {}
    for (side, key), of_point in zip(keys, samples, strict=True):
        points = sets.setdefault(key["prompts"], {name: {} for name in SIDES})[side]
        points[naming.exact(key["at"])] = measure(key, of_point, bootstrap)
    paired, at_equal = [], []
    for prompts, (first, second) in ((name, sides.values()) for name, sides in sets.items()):
        for at, measurement in first.items():
            beside = second.get(at - naming.exact(shift))
            if beside is not None:
                key = {"prompts": prompts, "first_at": measurement.key["at"]}
                key["second_at"] = beside.key["at"]
                sides = dict(zip(SIDES, (measurement, beside), strict=True))
                paired += compare(key, sides, bootstrap)
        both = {
            side: (list(map(float, line)), list(line.values()))
            for side, line in zip(SIDES, (first, second), strict=True)
        }
        at_equal += compare_at_equal({"prompts": prompts}, both, attribute, bootstrap)
    return (
        pd.DataFrame(
            with_bands(paired, ("prompts", "metric"), bootstrap),
            columns=None if paired else PAIRED,
        ),
        pd.DataFrame(at_equal, columns=None if at_equal else AT_EQUAL),
    )


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        lines = {}
        for side in SIDES:
            counts = params.file_counts[side]
            paths = sample_files(inputs, params.kinds, counts, f"{side}_")
            lines[side] = list(zip(params.points[side], paths, strict=True))
        paired, at_equal = main(
            lines,
            params.shift,
            params.attribute,
            params.kinds,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        files.write_frame(snakemake.output.paired, paired)
        files.write_frame(snakemake.output.at_equal, at_equal)
