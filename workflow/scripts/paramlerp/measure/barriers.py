"""Barriers between the two ends of a line, by the two definitions of the literature."""

import numpy as np

from .bootstrap import Bootstrap, Estimate
from .pairing import Row


def excess(alphas: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """How far `values` (alphas, ...) rise above their ends, by definition: (alphas, ...).

    The barrier is the maximum over alpha. "frankle": above the mean of the two ends (Frankle
    et al. 2020). "entezari": above the straight line between them (Entezari et al. 2022).
    """
    first, last = values[0], values[-1]
    share = (alphas - alphas[0]) / (alphas[-1] - alphas[0])
    share = share.reshape(-1, *[1] * first.ndim)
    return {
        "frankle": values - (first + last) / 2,
        "entezari": values - ((1 - share) * first + share * last),
    }


def barrier_rows(
    key: dict, line: dict[str, Estimate], bootstrap: Bootstrap, margin: float
) -> list[dict]:
    """A table's row for each definition of the barrier along a line, alpha -> estimate.

    `key` holds the columns that name the line; the column `at` is the alpha of the maximum. A
    barrier is within the margin if its interval ends below it. The maximum is taken again on each
    resample, so the interval allows for the choice of the point.
    """
    alphas = list(line)
    values = np.array([np.append(e.value, e.resampled) for e in line.values()])
    rows = []
    for definition, above in excess(np.array(alphas, float), values).items():
        barrier = bootstrap.estimate(above.max(0))
        rows.append(
            {
                **key,
                "definition": definition,
                "barrier": barrier.value,
                "low": barrier.low,
                "high": barrier.high,
                "at": alphas[int(above[:, 0].argmax())],
                "margin": margin,
                "within_margin": bool(barrier.high < margin),
            }
        )
    return rows


def above_ends(
    key: dict, line: dict[str, Estimate], coordinate: str, bootstrap: Bootstrap
) -> list[Row]:
    """How far each point of a line, value of the coordinate -> estimate, is above its ends' mean.

    `key` holds the columns that name the line and the metric, and the metric's `scale`: on "ln",
    the difference is of logarithms. The ends are the points at 0 and at 1; a line without both has
    no rows. A point and the ends share their resamples, so each difference is paired.
    """
    ends = [estimate for value, estimate in line.items() if float(value) in (0, 1)]
    if len(ends) < 2:
        return []
    to_scale = np.log if key["scale"] == "ln" else np.asarray
    rows = []
    for value, estimate in line.items():
        gap = bootstrap.combine(
            lambda point, a, b: to_scale(point) - (to_scale(a) + to_scale(b)) / 2,
            [estimate, *ends],
        )
        columns = {"difference": gap.value, "low": gap.low, "high": gap.high}
        rows.append(({**key, coordinate: value, **columns}, gap))
    return rows
