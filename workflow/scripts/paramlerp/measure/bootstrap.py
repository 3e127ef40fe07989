"""Estimates with bootstrap intervals; the unit is the document.

Continuations of one prompt resemble each other, and so do sentences of one document. So a resample
draws prompts with replacement, each of another document, and takes all texts of each; for losses
on test text it draws documents and takes all sentences of each (cluster bootstrap; Davison &
Hinkley 1997, section 3.8). Points with equally many units share their resamples, so a difference
between two points is paired.

An interval (`low`, `high`) is for one estimate that was named before the data were seen. Whoever
looks at several and picks one needs their bands (`band_low`, `band_high`), which hold for all of
them at once. Both are given these models: prompts are drawn again, but no model is trained again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..jobs.seeds import generator


@dataclass(frozen=True)
class Estimate:
    """The value of a statistic, its percentile interval, and its values on the resamples."""

    value: float
    low: float
    high: float
    resampled: np.ndarray  # (resamples,)

    def columns(self, name: str) -> dict[str, float]:
        """The value and its interval as three columns of a table."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


@dataclass(frozen=True)
class Bootstrap:
    """The number of resamples, the confidence level of intervals, and the seed of the draws."""

    resamples: int
    confidence: float
    seed: int

    def weights(self, units: int) -> np.ndarray:
        """How often each unit is drawn: (1 + resamples, units); row 0 is the data itself.

        A single unit has no resamples, and so no interval: the weights are (1, 1).
        """
        return _weights(units, self.resamples, self.seed)

    def estimate(self, statistic: np.ndarray) -> Estimate:
        """Estimate from a statistic (1 + resamples,): first on the data, then on the resamples.

        Resamples on which the statistic is not finite are left out of the interval.
        """
        value, resampled = statistic[0], statistic[1:]
        finite = resampled[np.isfinite(resampled)]
        if not np.isfinite(value) or not len(finite):
            return Estimate(float(value), np.nan, np.nan, resampled)
        tails = [(1 - self.confidence) / 2, (1 + self.confidence) / 2]
        low, high = np.quantile(finite, tails)
        return Estimate(float(value), float(low), float(high), resampled)

    def ratio(self, numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
        """The sum of one array (units,) over the sum of another, e.g. nats over tokens."""
        return self.estimate(ratio(self.weights(len(numerator)), numerator, denominator))

    def bands(self, estimates: Sequence[Estimate]) -> list[tuple[float, float]]:
        """(low, high) for each estimate of a family, which hold for all of them at once.

        value ± c·sd, where sd is the standard deviation of an estimate over the resamples and c
        the quantile, at the confidence level, of the largest |deviation from the value| / sd in
        the family on one resample (max-|t|; Mandel & Betensky 2008, Montiel Olea &
        Plagborg-Møller 2019). The estimates share their resamples. One that never varies has the
        band of its value alone; one without an interval has NaN and does not count.
        """
        known = np.array([np.isfinite([e.value, e.low]).all() for e in estimates], bool)
        bands = np.full((len(estimates), 2), np.nan)
        if known.any():
            family = [e for e, is_known in zip(estimates, known, strict=True) if is_known]
            values = np.array([e.value for e in family])[:, None]
            # A resample on which an estimate does not exist says nothing of that estimate.
            deviations = np.array([e.resampled for e in family]) - values
            deviations[~np.isfinite(deviations)] = np.nan
            sd = np.nanstd(deviations, axis=1, keepdims=True)
            sd[sd <= 1e-9 * np.abs(values)] = 0  # rounding errors are not variance
            t = np.divide(np.abs(deviations), sd, out=np.zeros_like(deviations), where=sd > 0)
            c = np.quantile(np.nan_to_num(t).max(0), self.confidence)
            bands[known] = values + c * sd * [-1, 1]
        return [(float(low), float(high)) for low, high in bands]

    def combine(self, function: Callable, estimates: Sequence[Estimate]) -> Estimate:
        """A function of estimates that share their resamples, e.g. their difference."""
        return self.estimate(function(*(np.append(e.value, e.resampled) for e in estimates)))


@lru_cache(maxsize=8)
def _weights(units: int, resamples: int, seed: int) -> np.ndarray:
    if units < 2:
        return np.ones((1, units))
    random = generator(seed, "bootstrap", units)
    counts = random.multinomial(units, np.full(units, 1 / units), size=resamples)
    return np.vstack([np.ones(units), counts])


def ratio(weights: np.ndarray, numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The ratio (1 + resamples,) of the weighted sums of two arrays (units,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (weights @ numerator) / (weights @ denominator)


def median(weights: np.ndarray, values: np.ndarray, prompt: np.ndarray) -> np.ndarray:
    """The median of `values` (texts,), each weighted as its prompt: (1 + resamples,).

    `prompt` (texts,) has the index of each text's prompt. NaN for a resample without any text.
    """
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    values, prompt = values[order], prompt[order]
    medians = np.empty(len(weights))
    # In chunks: the cumulative weights take 8 bytes for every text of every resample.
    for start in range(0, len(weights), 1000):
        cumulative = weights[start : start + 1000, prompt].cumsum(1)
        half = cumulative[:, -1:] / 2
        lower = (cumulative < half).sum(1)
        upper = (cumulative <= half).sum(1).clip(max=len(values) - 1)
        middle = (values[lower] + values[upper]) / 2
        medians[start : start + 1000] = np.where(half[:, 0] > 0, middle, np.nan)
    return medians
