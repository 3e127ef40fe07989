"""Every metric and every test loss at each point of a plane.

The table also holds, as overlays, the points of other sweeps that lie on the plane; they come
from their own runs, cut to the plane's number of samples. One that is a point of the lattice too
stands there as well, since its texts are not made twice. `state` marks a broken point:
"overflow" if weights, logits or losses have NaN or Inf, "empty" if all texts are empty.

A second table has means over the points with the same sum of both coordinates, across the lines
where the sum is 0 and 1. The means must differ in the sum alone, so all are taken over the same few
differences of the coordinates, at most 1. Only every second diagonal of a plane has these.

Which points enter a mean depends on their coordinates and their `state`, never on their values. An
interval is of one sum; whoever picks a sum, such as the lowest, needs the bands, which hold for all
sums of a set of prompts at once. How far a mean is above the one of sum 1, on which the weights of
two models add up to one, is a paired difference with its own band (of perplexities, of their ln).
"""

from decimal import Decimal

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.measure.measurement import measure_with_losses, to_table
from paramlerp.measure.samples import (
    SampleFiles,
    losses_by_text,
    read,
    read_line,
    read_numbers,
    sample_files,
)
from paramlerp.weights import naming

#: the largest difference of the coordinates of points that the means are taken over
STRIP = 1
#: the sum that all others are compared with
REFERENCE = Decimal(1)

#: a point's row of the table, and the estimates in it by name
Point = tuple[dict, dict[str, Estimate]]


def means_by_sum(
    points: list[Point],
    axes: list[str],
    perplexities: list[str],
    losses: list[str],
    bootstrap: Bootstrap,
) -> list[dict]:
    """Means over the sound points of the strip that have the same sum of coordinates.

    `perplexities` are scorers, and get a geometric mean; `losses` are columns, and get an
    arithmetic mean. Sums with fewer points than the others are left out.
    """
    ticks = sorted({Decimal(row[axis]) for row, _ in points for axis in axes})
    groups: dict[tuple, list[dict[str, Estimate]]] = {}
    for row, estimates in points:
        a, b = (Decimal(row[axis]) for axis in axes)
        even = (ticks.index(a) - ticks.index(b)) % 2 == 0
        if row["state"] == "ok" and even and abs(a - b) <= STRIP:
            groups.setdefault((row["prompts"], a + b), []).append(estimates)
    most = max(map(len, groups.values()), default=0)
    groups = {key: group for key, group in sorted(groups.items()) if len(group) == most}
    means: dict[tuple, dict[str, Estimate]] = {key: {} for key in groups}
    for names, mean in ((perplexities, geometric_mean), (losses, arithmetic_mean)):
        for key, group in groups.items():
            for name in names:
                estimates_there = [estimates[name] for estimates in group]
                means[key][name] = bootstrap.combine(mean, estimates_there)
    rows = {
        (prompts, total): {
            "prompts": prompts,
            "sum": naming.format_value(total),
            "n_points": most,
        }
        for prompts, total in means
    }
    for prompts in dict.fromkeys(prompts for prompts, _ in means):
        family = [key for key in means if key[0] == prompts]
        for name in (*perplexities, *losses):
            estimates = [means[key][name] for key in family]
            bands = bootstrap.bands(estimates)
            for key, estimate, (low, high) in zip(family, estimates, bands, strict=True):
                rows[key] |= estimate.columns(name)
                rows[key] |= {f"{name}_band_low": low, f"{name}_band_high": high}
            if (prompts, REFERENCE) not in means:
                continue
            reference = means[prompts, REFERENCE][name]
            gap_of = log_ratio if name in perplexities else np.subtract
            gaps = [bootstrap.combine(gap_of, [estimate, reference]) for estimate in estimates]
            for key, gap, (low, high) in zip(family, gaps, bootstrap.bands(gaps), strict=True):
                rows[key] |= gap.columns(f"{name}_above")
                rows[key] |= {f"{name}_above_band_low": low, f"{name}_above_band_high": high}
    return list(rows.values())


def geometric_mean(*values: np.ndarray) -> np.ndarray:
    """Elementwise geometric mean of arrays."""
    return np.exp(np.log(values).mean(0))


def log_ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """ln(a / b), elementwise."""
    return np.log(a) - np.log(b)


def arithmetic_mean(*values: np.ndarray) -> np.ndarray:
    """Elementwise mean of arrays."""
    return np.mean(values, 0)


def main(
    scheme: str,
    axes: list[str],
    lattice: list[dict[str, str]],
    lines: list[tuple[dict, list[str], SampleFiles]],
    overlays: list[tuple[dict, SampleFiles]],
    kinds: dict[str, str],
    test_sets: list[str],
    n_samples: int,
    bootstrap: Bootstrap,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of points and the table of means by sum.

    `lattice` has the values of both `axes` at each point of the plane. `lines` are the columns
    that name each line of the plane, the values of the first axis that its files hold, and these
    files. `overlays` are the columns that name each point drawn over the plane, and its files; the
    points of the lattice that no line holds are among them. `kinds` is scorer -> kind, `test_sets`
    the sets of test text, and `n_samples` the plane's samples of each prompt.
    """
    measured: dict[tuple, Point] = {}
    for line, values, paths in lines:
        for value, samples, losses in read_line(paths, kinds, axes[0], values):
            key = {"kind": "lattice", "scheme": scheme, "prompts": line["prompts"]}
            key |= {axes[0]: value, axes[1]: line[axes[1]]}
            by_text = losses_by_text(losses, test_sets)
            place = (line["prompts"], value, line[axes[1]])
            measured[place] = measure_with_losses(key, samples, by_text, bootstrap)
    drawn_over = []
    for overlay, paths in overlays:
        samples = read(paths, kinds)
        row, estimates = measure_with_losses(
            {"kind": "overlay", **overlay},
            samples.select(samples.texts["sample_id"] < n_samples),
            losses_by_text(read_numbers(paths.losses), test_sets),
            bootstrap,
        )
        drawn_over.append(row)
        place = (overlay["prompts"], *(overlay[axis] for axis in axes))
        measured.setdefault(place, (row | {"kind": "lattice", "scheme": scheme}, estimates))
    points = [
        measured[prompts, *(point[axis] for axis in axes)]
        for prompts in dict.fromkeys(prompts for prompts, *_ in measured)
        for point in sorted(lattice, key=lambda point: float(point[axes[1]]))
    ]
    rows = [row for row, _ in points] + drawn_over
    perplexities = [scorer for scorer, kind in kinds.items() if kind == "perplexity"]
    loss_columns = [f"loss_{name}" for name in test_sets]
    means = means_by_sum(points, axes, perplexities, loss_columns, bootstrap)
    return to_table(rows), pd.DataFrame(means, columns=None if means else ["prompts", "sum"])


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        counts = [params.files_per_line] * len(params.lines)
        lines = sample_files(inputs, params.kinds, counts, "plane_")
        overlays = sample_files(inputs, params.kinds, params.overlay_files, "overlay_")
        table, means = main(
            params.scheme,
            params.axes,
            params.lattice,
            list(zip(params.lines, params.values, lines, strict=True)),
            list(zip(params.overlays, overlays, strict=True)),
            params.kinds,
            params.test_sets,
            params.n_samples,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        files.write_frame(snakemake.output.table, table)
        files.write_frame(snakemake.output.sums, means)
