"""Metrics of two lines compared where both have the same value of an attribute.

Along a line the attribute changes, and with it the other metrics. Points of two lines differ in
both, so a metric is read off each line where the attribute reaches a level: at that level the
second line is compared with the first.

1. On each resample the attribute's values along a line are replaced by the increasing ones that
   are nearest in least squares (isotonic regression). A line can then be read backwards, from a
   level to a place. A running maximum would do that too, but it keeps the upward errors of the
   values and drops the downward ones; isotonic regression treats both ends of a line alike.
2. The place is found, and the metric is read off there, by linear interpolation between points.
3. The levels are fixed once, from the data: the multiples of `STEP` that both lines reach. So the
   statistic is the same on each resample. Where a resample of a line does not reach a level, the
   nearest place counts, the first one that has the line's highest (or lowest) value.
"""

import math
from collections.abc import Sequence

import numpy as np

from .bootstrap import Bootstrap
from .measurement import Measurement
from .pairing import Row, with_bands

#: between the levels of an attribute's scorer, whose values lie between 0 and 1
STEP = 0.1
#: the level of the row with the mean over all levels
ALL = "all"

#: the points of a line: their coordinate, and their measurements
Line = tuple[Sequence[float], Sequence[Measurement]]


def compare_at_equal(
    key: dict, lines: dict[str, Line], attribute: str, bootstrap: Bootstrap
) -> list[dict]:
    """The second line minus the first at equal `attribute`, for each other metric.

    `lines` is name -> line, of the same prompts and samples. A row for each level, and one for
    the mean over the levels; the bands of a metric hold for all of its levels. Metrics on a ratio
    scale are compared by their natural logarithm: `difference` is ln(second / first). A line's
    column has the metric there, its column `{line}_at` the place. `clipped` is the share of
    resamples on which a line does not reach the level. A point without a value of the metric is
    left out of its line. What else the attribute's scorer gives (its share, its raw value) says the
    same as its value, and is not compared.
    """
    (_, measurements), _ = lines.values()
    rows = []
    for name, (metric, _) in measurements[0].metrics.items():
        if name == attribute or name in (f"{attribute}_share", f"{attribute}_raw"):
            continue
        scale = "ln" if metric.on_ratio_scale else "linear"
        labels = {**key, "metric": name, "scale": scale}
        curves = {side: _curve(*line, attribute, name, scale) for side, line in lines.items()}
        rows += _rows(labels, curves, bootstrap, measurements[0].samples.counts())
    return rows


def _curve(
    coordinate: Sequence[float],
    measurements: Sequence[Measurement],
    attribute: str,
    metric: str,
    scale: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A line's coordinate (points,), and attribute and metric (points, 1 + resamples).

    The attribute increases from point to point. The points are in reverse order if it falls
    along the line in the data.
    """
    values, levels = (
        np.array(
            [np.append(m.metrics[n][1].value, m.metrics[n][1].resampled) for m in measurements]
        )
        for n in (metric, attribute)
    )
    if scale == "ln":
        values = np.log(values)
    sound = np.isfinite(values[:, 0]) & np.isfinite(levels[:, 0])
    coordinate, levels, values = np.asarray(coordinate, float)[sound], levels[sound], values[sound]
    if len(levels) and levels[-1, 0] < levels[0, 0]:
        coordinate, levels, values = coordinate[::-1], levels[::-1], values[::-1]
    return coordinate, increasing(levels), values


def _rows(
    labels: dict,
    curves: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    bootstrap: Bootstrap,
    counts: dict[str, int],
) -> list[dict]:
    """The rows of one metric: none if no level is reached by both lines."""
    reached = [attribute[:, 0] for _, attribute, _ in curves.values()]
    if min(map(len, reached)) < 2:
        return []
    levels = grid(max(line[0] for line in reached), min(line[-1] for line in reached))
    if not len(levels):
        return []
    read, at, outside = {}, {}, False
    for side, (coordinate, attribute, values) in curves.items():
        position = places(attribute, levels)
        read[side] = interpolate(values, position)
        at[side] = interpolate(coordinate[:, None], position[:, :1])[:, 0]
        outside = outside | (levels[:, None] < attribute[0]) | (levels[:, None] > attribute[-1])
    first, second = read
    gap = read[second] - read[first]
    clipped = outside[:, 1:].mean(1) if outside.shape[1] > 1 else np.full(len(levels), np.nan)
    original = np.exp if labels["scale"] == "ln" else np.asarray

    def row(level: str, which: slice, places_there: dict[str, float]) -> Row:
        estimate = bootstrap.estimate(gap[which].mean(0))
        columns = {
            **labels,
            "level": level,
            **{f"{side}_at": place for side, place in places_there.items()},
            **{side: float(original(values[which, 0].mean())) for side, values in read.items()},
            "difference": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "clipped": float(clipped[which].mean()),
            **counts,
        }
        return columns, estimate

    at_levels = [
        row(f"{level:.1f}", slice(i, i + 1), {side: float(at[side][i]) for side in at})
        for i, level in enumerate(levels)
    ]
    mean = row(ALL, slice(None), dict.fromkeys(at, float("nan")))
    return with_bands(at_levels, (), bootstrap) + with_bands([mean], (), bootstrap)


def grid(low: float, high: float) -> np.ndarray:
    """The multiples of `STEP` from `low` to `high`, ascending."""
    first, last = math.ceil(low / STEP - 1e-9), math.floor(high / STEP + 1e-9)
    return np.arange(first, last + 1) * STEP


def increasing(values: np.ndarray) -> np.ndarray:
    """The nearest values (points, ...) in least squares that increase (weakly) along axis 0.

    By the min-max formula of isotonic regression: the largest over j <= i of the smallest mean
    of points j to k over k >= i (Robertson, Wright & Dykstra 1988, theorem 1.4.4).
    """
    fitted = np.full(values.shape, -np.inf)
    for j in range(len(values)):
        counts = np.arange(1, len(values) - j + 1).reshape(-1, *[1] * (values.ndim - 1))
        means = values[j:].cumsum(0) / counts
        smallest = np.minimum.accumulate(means[::-1])[::-1]
        fitted[j:] = np.maximum(fitted[j:], smallest)
    return fitted.round(12)  # so that points with one mean are exactly equal


def places(attribute: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Where an increasing attribute (points, n) reaches each of the levels: (levels, n).

    Positions among the points: 1.5 is halfway from the second point to the third. Below the
    line's lowest value it is the last point that has this value; above its highest, the first.
    """
    points = len(attribute)
    positions = np.empty((len(levels), attribute.shape[1]))
    last_lowest = (attribute <= attribute[0]).sum(0) - 1
    first_highest = (attribute < attribute[-1]).sum(0)
    for row, level in zip(positions, levels, strict=True):
        lower = ((attribute <= level).sum(0) - 1).clip(0, points - 2)
        below, above = (np.take_along_axis(attribute, (lower + i)[None], 0)[0] for i in (0, 1))
        rise = above - below
        share = np.divide(level - below, rise, out=np.zeros_like(rise), where=rise > 0)
        row[:] = lower + share
        row[:] = np.where(level < attribute[0], last_lowest, row)
        row[:] = np.where(level >= attribute[-1], first_highest, row)
    return positions


def interpolate(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`values` (points, n) at positions (levels, n) among the points, linearly: (levels, n)."""
    known = np.isfinite(positions)
    lower = np.floor(np.where(known, positions, 0)).astype(int).clip(0, len(values) - 2)
    share = positions - lower
    below, above = (np.take_along_axis(values, lower + i, 0) for i in (0, 1))
    # A point without weight does not count, even if it has no value.
    read = np.where(share > 0, (1 - share) * below + share * np.where(share > 0, above, 0), below)
    return np.where(known, read, np.nan)
