"""How well a binary classifier's probabilities rank (AUC) and forecast (calibration)."""

import numpy as np

#: rows of weights whose sums are in memory at a time
_ROWS = 500


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: P(a positive scores above a negative), ties count half.

    `positive` (texts,) is boolean. NaN if all texts are of one class.
    """
    units = np.arange(len(scores))
    return float(weighted_auc(scores, positive, units, np.ones((1, len(scores))))[0])


def weighted_auc(
    scores: np.ndarray, positive: np.ndarray, unit: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """`auc` of texts that count as often as `weights` (resamples, units) say: (resamples,).

    `unit` (texts,) is the index of what each text is a part of. NaN where only one class has
    weight.
    """
    order = np.argsort(scores, kind="stable")
    scores, positive, unit = scores[order], positive[order], unit[order]
    # The first text of each distinct score: texts of one score are tied.
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    areas = np.empty(len(weights))
    for row in range(0, len(weights), _ROWS):
        chosen = weights[row : row + _ROWS, unit]
        high = np.add.reduceat(chosen * positive, starts, axis=1)
        low = np.add.reduceat(chosen * ~positive, starts, axis=1)
        won = (high * (low.cumsum(1) - low / 2)).sum(1)
        with np.errstate(invalid="ignore"):
            areas[row : row + _ROWS] = won / (high.sum(1) * low.sum(1))
    return areas


def logit(p: np.ndarray) -> np.ndarray:
    """The log odds ln(p / (1 - p)); finite where rounding has made a probability 0 or 1."""
    p = np.clip(p, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    return np.log(p) - np.log1p(-p)


def calibrated(p: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Platt scaling: the logistic function of slope x logit(p) + intercept, elementwise.

    The slope is 1 / temperature (below 1: the classifier was overconfident); the intercept shifts
    the log odds (Platt 1999). Texts keep their order if the slope is positive.
    """
    return np.exp(-np.logaddexp(0, -(slope * logit(p) + intercept)))


def reliability(p: np.ndarray, positive: np.ndarray, bins: int = 10) -> list[dict]:
    """Reliability diagram: mean forecast and observed share in each non-empty bin of width 1/bins.

    `p` (texts,) are the forecasts of `positive` (texts,).
    """
    index = np.minimum((p * bins).astype(int), bins - 1)
    return [
        {
            "low": b / bins,
            "high": (b + 1) / bins,
            "n": int((index == b).sum()),
            "forecast": float(p[index == b].mean()),
            "observed": float(positive[index == b].mean()),
        }
        for b in range(bins)
        if (index == b).any()
    ]


def calibration_error(p: np.ndarray, positive: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017): mean |forecast - observed| over texts."""
    rows = reliability(p, positive, bins)
    return sum(row["n"] * abs(row["forecast"] - row["observed"]) for row in rows) / len(p)
