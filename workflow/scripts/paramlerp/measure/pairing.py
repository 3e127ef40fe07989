"""Paired differences between two points, and how much variance the pairing saves."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from .bootstrap import Bootstrap, Estimate
from .measurement import Measurement
from .samples import Samples

#: a table's row with the columns `low` and `high`, and the estimate that these are of
Row = tuple[dict, Estimate]


def common(sides: Iterable[Samples]) -> list[Samples]:
    """The samples that all sides have: of each prompt the first ones, as many as the fewest."""
    sides = list(sides)
    last = min(side.texts["sample_id"].max() for side in sides)
    return [side.select(side.texts["sample_id"] <= last) for side in sides]


def compare(key: dict, sides: dict[str, Measurement], bootstrap: Bootstrap) -> list[Row]:
    """A row for each metric: its estimate on both of two sides, and the second minus the first.

    `key` holds the columns that name the comparison; `sides` is name -> measurement, of the same
    prompts and samples.
    """
    (first, a), (second, b) = sides.items()
    rows = []
    for metric, (_, estimate) in a.metrics.items():
        other = b.metrics[metric][1]
        columns, gap = _gap(estimate, other, bootstrap)
        sides_columns = estimate.columns(first) | other.columns(second)
        row = {**key, "metric": metric, **sides_columns, **columns, **a.samples.counts()}
        rows.append((row, gap))
    return rows


def with_bands(rows: list[Row], family: Sequence[str], bootstrap: Bootstrap) -> list[dict]:
    """The rows with their bands after their intervals, in the same order.

    Rows that have the same values in the columns `family` (those of them that a row has) are one
    family: its bands hold for all of its rows at once.
    """
    families: dict[tuple, list[int]] = {}
    for index, (row, _) in enumerate(rows):
        families.setdefault(tuple(row.get(column) for column in family), []).append(index)
    bands = {
        index: band
        for members in families.values()
        for index, band in zip(members, bootstrap.bands([rows[i][1] for i in members]), strict=True)
    }
    banded = []
    for index, (row, _) in enumerate(rows):
        columns = {}
        for name, value in row.items():
            columns[name] = value
            if name == "high":
                columns["band_low"], columns["band_high"] = bands[index]
        banded.append(columns)
    return banded


def difference(
    reference: Measurement, other: Measurement, metric: str, bootstrap: Bootstrap
) -> tuple[dict[str, float], Estimate]:
    """`other` minus `reference` in one metric: its interval and the variance saved, and itself.

    Both have the same prompts and samples. `variance_saved` measures the effect of shared prompts
    and random numbers together. `variance_saved_by_random_numbers` measures the effect of the
    random numbers alone; it is NaN unless the metric is a mean over texts.
    """
    (metric_a, a), (metric_b, b) = reference.metrics[metric], other.metrics[metric]
    saved_by_random_numbers = float("nan")
    if metric_a.values is not None:
        prompt, _ = pd.factorize(reference.samples.texts["prompt_id"], sort=True)
        saved_by_random_numbers = variance_saved_by_random_numbers(
            metric_a.values, metric_b.values, prompt
        )
    columns, gap = _gap(a, b, bootstrap)
    columns["variance_saved"] = variance_saved(a, b)
    columns["variance_saved_by_random_numbers"] = saved_by_random_numbers
    return columns, gap


def _gap(a: Estimate, b: Estimate, bootstrap: Bootstrap) -> Row:
    """`b` minus `a`, paired: as columns of a table, and the estimate."""
    gap = bootstrap.combine(lambda x, y: y - x, [a, b])
    return {"difference": gap.value, "low": gap.low, "high": gap.high}, gap


def variance_saved(a: Estimate, b: Estimate) -> float:
    """1 - var(b - a) / (var a + var b): the share of variance that paired resamples save.

    Negative where pairing adds variance; NaN where nothing varies.
    """
    unpaired = np.nanvar(a.resampled) + np.nanvar(b.resampled)
    paired = np.nanvar(b.resampled - a.resampled)
    return float(1 - paired / unpaired) if unpaired > 0 else float("nan")


def variance_saved_by_random_numbers(a: np.ndarray, b: np.ndarray, prompt: np.ndarray) -> float:
    """1 - var(b - a) / (var a + var b) within prompts: the effect of common random numbers.

    `a` and `b` are values per text (texts,); each row of both was sampled with the same random
    numbers. `prompt` (texts,) has the index of each text's prompt. Deviations are taken from the
    prompt's mean, so that differences between prompts do not count.
    """
    finite = np.isfinite(a) & np.isfinite(b)
    a, b, prompt = a[finite], b[finite], prompt[finite]
    unpaired = _squares_within(a, prompt) + _squares_within(b, prompt)
    return float(1 - _squares_within(b - a, prompt) / unpaired) if unpaired > 0 else float("nan")


def _squares_within(values: np.ndarray, group: np.ndarray) -> float:
    """Sum of squared deviations from the mean of each group."""
    count = np.bincount(group)
    mean = np.bincount(group, values) / np.maximum(count, 1)
    return float(((values - mean[group]) ** 2).sum())
