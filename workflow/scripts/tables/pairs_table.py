"""Every metric along the lines between pairs of models, and the barriers on these lines.

`state` marks a broken point, as in a plane's table. `loss` is the mean NLL per token over all
test text; barriers are barriers of this loss, by both definitions (see `barriers`).

The intervals of points are of one point each. Those of barriers allow for the choice of the
highest point, as the maximum is taken again on each resample.

A third table has paired differences: how far each metric of each point is above the mean of the two
models, with bands over all points of a line. Those of perplexities are differences of ln.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.barriers import above_ends, barrier_rows
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.measure.measurement import measure_with_losses, to_table
from paramlerp.measure.pairing import with_bands
from paramlerp.measure.samples import SampleFiles, losses_by_text, read_line, sample_files

#: endings of a perplexity's columns: over tokens, and the median and the mean over texts
OF_TEXTS = ("", "_median", "_mean")
#: columns of the third table before its numbers, also if it has no rows
EXCESS = ["scheme", "prompts", "metric", "scale"]


def main(
    lines: list[tuple[dict, SampleFiles]],
    coordinate: str,
    values: list[str],
    kinds: dict[str, str],
    test_sets: list[str],
    between: list[str],
    margin: float,
    bootstrap: Bootstrap,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A row for each point, one for each barrier, and one for each metric above the ends.

    `lines` are the columns that name each line, and its files. `kinds` is scorer -> kind;
    each of the `test_sets` has a column loss_{set}. The schemes `between` run from one
    checkpoint at 0 to another at 1, and have barriers on [0, 1].
    """
    rows, barriers, excess = [], [], []
    ratios = {f"{s}{end}" for s, kind in kinds.items() if kind == "perplexity" for end in OF_TEXTS}
    for line, paths in lines:
        loss_between = {}
        by_metric: dict[str, dict[str, Estimate]] = {}
        for value, samples, losses in read_line(paths, kinds, coordinate, values):
            by_text = {"loss": losses, **losses_by_text(losses, test_sets)}
            row, estimates = measure_with_losses(
                {**line, coordinate: value}, samples, by_text, bootstrap
            )
            rows.append(row)
            if row["state"] == "ok":
                for metric, estimate in estimates.items():
                    by_metric.setdefault(metric, {})[value] = estimate
            if 0 <= float(value) <= 1 and "loss" in estimates:
                loss_between[value] = estimates["loss"]
        if line["scheme"] not in between:
            continue
        differences = []
        for metric, estimates in by_metric.items():
            scale = "ln" if metric in ratios else "linear"
            names = {**line, "metric": metric, "scale": scale}
            differences += above_ends(names, estimates, coordinate, bootstrap)
        excess += with_bands(differences, ["metric"], bootstrap)
        key = {"scheme": line["scheme"], "quantity": "loss"}
        if len(loss_between) == sum(0 <= float(value) <= 1 for value in values):
            barriers += barrier_rows(key, loss_between, bootstrap, margin)
        else:  # a broken point on the way is an infinite barrier
            barriers.append({**key, "barrier": float("inf"), "within_margin": False})
    columns = None if barriers else ["scheme", "quantity"]
    # The losses of a scheme, and so its barriers, are the same for every set of prompts.
    return (
        to_table(rows),
        pd.DataFrame(barriers, columns=columns).drop_duplicates(),
        pd.DataFrame(excess, columns=None if excess else EXCESS),
    )


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        counts = [params.files_per_line] * len(params.lines)
        paths = sample_files(snakemake.input, params.kinds, counts)
        table, barriers, excess = main(
            list(zip(params.lines, paths, strict=True)),
            params.coordinate,
            params.values,
            params.kinds,
            params.test_sets,
            params.between,
            params.margin,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        files.write_frame(snakemake.output.table, table)
        files.write_frame(snakemake.output.barriers, barriers)
        files.write_frame(snakemake.output.excess, excess)
