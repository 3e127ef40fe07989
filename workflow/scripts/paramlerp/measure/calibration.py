"""How well a binary classifier's probabilities rank (AUC) and forecast (calibration)."""

import numpy as np


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: P(a positive scores above a negative), ties count half.

    `positive` (texts,) is boolean. NaN if all texts are of one class.
    """
    order = np.sort(scores)
    ranks = (np.searchsorted(order, scores, "left") + np.searchsorted(order, scores, "right")) / 2
    n = int(positive.sum())
    m = len(scores) - n
    return float((ranks[positive].sum() - n * n / 2) / (n * m)) if n and m else float("nan")


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
