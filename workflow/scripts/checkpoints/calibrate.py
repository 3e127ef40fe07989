"""Calibrate a classifier of poles on validation text of its domain and of others (Platt 1999).

The trained classifier stays as it is. A line through its log odds, slope x logit(p) + intercept,
is fitted to the poles of the texts by logistic regression without a penalty.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.lm import models
from paramlerp.measure import calibration, domains


def main(
    model: str,
    high: str,
    texts: dict[str, list[domains.Labelled]],
    max_tokens: int,
) -> dict:
    """Method, slope, intercept, n, and domain -> its number of texts; `texts` is by domain.

    Raises UserError if a domain has texts of one pole only, or if the line falls.
    """
    for domain, members in texts.items():
        domains.require_both_poles(domain, members, "calibrate")
    network, tokenizer = models.load_classifier(model)
    p = {
        name: domains.forecasts(network, tokenizer, members, high, max_tokens)
        for name, members in texts.items()
    }
    is_high = {name: np.array([t.is_high for t in members]) for name, members in texts.items()}
    slope, intercept = fit(p, is_high)
    if slope <= 0:
        raise UserError(
            f"{model}: on text of {', '.join(texts)} a higher P({high}) does not mean more {high}"
            f" text (slope {slope:.3g}): see the poles of also_test_on, or set"
            " classification.calibration to false"
        )
    counts = {domain: len(members) for domain, members in texts.items()}
    n = sum(counts.values())
    return {
        "method": "platt",
        "slope": slope,
        "intercept": intercept,
        "n": n,
        "domains": counts,
    }


def fit(p: dict[str, np.ndarray], is_high: dict[str, np.ndarray]) -> tuple[float, float]:
    """Slope and intercept from forecasts and poles (texts,) by domain; domains weigh equally.

    Targets are Platt's: of n texts of a pole the forecast aimed at is (n + 1) / (n + 2), not 1, so
    that the fit is finite where the classifier makes no mistake. A text counts as both poles, each
    with the weight of its target.
    """
    log_odds, weights = [], []
    for domain, forecast in p.items():
        high = is_high[domain]
        n_high, n_low = high.sum(), (~high).sum()
        target = np.where(high, (n_high + 1) / (n_high + 2), 1 / (n_low + 2))
        log_odds.append(calibration.logit(forecast))
        weights.append(np.array([target, 1 - target]) / len(forecast))
    x = np.concatenate(log_odds)
    weight = np.concatenate(weights, axis=1)
    regression = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    regression.fit(
        np.concatenate([x, x])[:, None],
        np.repeat([1, 0], len(x)),
        sample_weight=weight.ravel() * len(x) / len(p),
    )
    return float(regression.coef_[0, 0]), float(regression.intercept_[0])


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        own = domains.of_attribute(inputs.validation)
        others = domains.of_sources(params.others, inputs.others, params.prompts, params.high)
        others = {name: domains.halves(texts, params.seed)[0] for name, texts in others.items()}
        fitted = main(inputs.model, params.high, {params.domain: own, **others}, params.max_tokens)
        files.write_json(snakemake.output.calibration, fitted)
