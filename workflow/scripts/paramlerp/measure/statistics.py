"""Statistics of a walk: metrics of a set of texts with intervals that respect the prompt.

Continuations of one prompt resemble each other, so the prompt is the unit: the
bootstrap draws prompts with replacement, and all their texts come along (cluster
bootstrap; Davison & Hinkley 1997, section 3.8). The same draws serve all points
of a walk, which makes differences paired.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..jobs.seeds import generator


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95% (or other) percentile interval, and the draws behind it."""

    value: float
    low: float
    high: float
    draws: np.ndarray  # (resamples,)


@lru_cache(maxsize=8)
def resamples(prompts: int, count: int, seed) -> np.ndarray:
    """How often each prompt is drawn: (1 + count, prompts); row 0 is the data itself.

    Of a single prompt there is nothing to draw, and so no interval: (1, 1).
    """
    if prompts < 2:
        return np.ones((1, prompts))
    random = generator(seed, "bootstrap", prompts)
    drawn = random.multinomial(prompts, np.full(prompts, 1 / prompts), size=count)
    return np.vstack([np.ones(prompts), drawn])


def ratio(weights: np.ndarray, numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """(1 + count,): weighted sum of one per-prompt array (prompts,) over that of another."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (weights @ numerator) / (weights @ denominator)


def median(weights: np.ndarray, values: np.ndarray, prompt: np.ndarray) -> np.ndarray:
    """(1 + count,): median of per-text `values` (texts,) where texts weigh as their prompt.

    NaN for a draw that holds none of the texts.
    """
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    values, prompt = values[order], prompt[order]
    out = np.empty(len(weights))
    for start in range(0, len(weights), 1000):  # bounds memory, not results
        cumulative = weights[start : start + 1000, prompt].cumsum(1)
        half = cumulative[:, -1:] / 2
        lower = (cumulative < half).sum(1)
        upper = (cumulative <= half).sum(1).clip(max=len(values) - 1)
        middle = (values[lower] + values[upper]) / 2
        out[start : start + 1000] = np.where(half[:, 0] > 0, middle, np.nan)
    return out


def estimate(statistics: np.ndarray, confidence: float) -> Estimate:
    """From a statistic on the data (first) and on its resamples (rest)."""
    value, draws = statistics[0], statistics[1:]
    usable = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(usable):
        return Estimate(float(value), np.nan, np.nan, draws)
    low, high = np.quantile(usable, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(value), float(low), float(high), draws)


def barriers(alphas: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """How far values (alphas, ...) rise over their ends, by definition: the same shape.

    A barrier is the largest over alpha. "frankle": above the mean of the ends (Frankle
    et al. 2020); "entezari": above the straight line between them (Entezari et al. 2022).
    """
    first, last = values[0], values[-1]
    share = ((alphas - alphas[0]) / (alphas[-1] - alphas[0])).reshape(-1, *[1] * first.ndim)
    return {
        "frankle": values - (first + last) / 2,
        "entezari": values - ((1 - share) * first + share * last),
    }


def variance_saved(a: Estimate, b: Estimate) -> float:
    """Share of var(b - a) that pairing saves against unrelated draws, 1 - var(b-a)/(var a + var b).

    Negative where pairing does harm; NaN where nothing varies.
    """
    apart = np.nanvar(a.draws) + np.nanvar(b.draws)
    return float(1 - np.nanvar(b.draws - a.draws) / apart) if apart > 0 else float("nan")


def variance_saved_by_coupling(a: np.ndarray, b: np.ndarray, prompt: np.ndarray) -> float:
    """Share of the sampling noise of b - a that common random numbers take off.

    `a` and `b` are per-text values (texts,) whose rows share their random numbers.
    Within prompts, 1 - var(b - a)/(var a + var b): what the draws themselves add,
    the prompts' own differences left out.
    """
    known = np.isfinite(a) & np.isfinite(b)
    a, b, prompt = a[known], b[known], prompt[known]
    apart = _within(a, prompt) + _within(b, prompt)
    return float(1 - _within(b - a, prompt) / apart) if apart > 0 else float("nan")


def _within(values: np.ndarray, group: np.ndarray) -> float:
    """Sum of squares about the groups' means."""
    count = np.bincount(group)
    mean = np.bincount(group, values) / np.maximum(count, 1)
    return float(((values - mean[group]) ** 2).sum())


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """P(a positive scores above a negative), ties half: area under the ROC curve."""
    order = np.sort(scores)
    ranks = (np.searchsorted(order, scores, "left") + np.searchsorted(order, scores, "right")) / 2
    n = int(positive.sum())
    m = len(scores) - n
    return float((ranks[positive].sum() - n * n / 2) / (n * m)) if n and m else float("nan")


def calibration(p: np.ndarray, positive: np.ndarray, bins: int = 10) -> list[dict]:
    """Reliability diagram in equal-width bins: mean forecast and observed share in each."""
    which = np.minimum((p * bins).astype(int), bins - 1)
    return [
        {
            "low": b / bins,
            "high": (b + 1) / bins,
            "n": int((which == b).sum()),
            "forecast": float(p[which == b].mean()),
            "observed": float(positive[which == b].mean()),
        }
        for b in range(bins)
        if (which == b).any()
    ]


def calibration_error(p: np.ndarray, positive: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017): mean |forecast - observed| over texts."""
    rows = calibration(p, positive, bins)
    return sum(r["n"] * abs(r["forecast"] - r["observed"]) for r in rows) / len(p)
