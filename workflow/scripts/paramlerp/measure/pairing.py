"""Paired differences between two points, and how much variance the pairing saves."""

import numpy as np
import pandas as pd

from .bootstrap import Bootstrap, Estimate
from .measurement import Measurement


def difference(
    reference: Measurement, other: Measurement, metric: str, bootstrap: Bootstrap
) -> dict[str, float]:
    """`other` minus `reference` in one metric, with its interval and the variance saved.

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
    gap = bootstrap.combine(lambda x, y: y - x, [a, b])
    return {
        "difference": gap.value,
        "low": gap.low,
        "high": gap.high,
        "variance_saved": variance_saved(a, b),
        "variance_saved_by_random_numbers": saved_by_random_numbers,
    }


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
