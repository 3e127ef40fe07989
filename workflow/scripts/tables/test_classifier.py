"""AUC, accuracy and calibration of a classifier of poles, in its own domain and in others.

If the classifier has been calibrated, a row without and a row with it (column `calibrated`), and
its other domains are tested on the half of the documents that it was not calibrated on.
"""

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.lm import models
from paramlerp.measure import calibration, domains
from paramlerp.measure.bootstrap import Bootstrap


def main(
    model: str,
    high: str,
    texts: dict[str, list[domains.Labelled]],
    max_tokens: int,
    bootstrap: Bootstrap,
    fitted: dict | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row of metrics for each domain, and a row for each bin of its reliability diagram.

    `texts` is by domain; `fitted` is the calibration (slope, intercept) of P(high). Raises
    UserError if a domain has texts of one pole only.
    """
    network, tokenizer = models.load_classifier(model)
    summary, diagrams = [], []
    for domain, members in texts.items():
        domains.require_both_poles(domain, members, "test")
        is_high = np.array([t.is_high for t in members])
        documents = [t.document for t in members]
        p = {"no": domains.forecasts(network, tokenizer, members, high, max_tokens)}
        if fitted:
            p["yes"] = calibration.calibrated(p["no"], fitted["slope"], fitted["intercept"])
        for state, forecast in p.items():
            key = {"domain": domain, "calibrated": state}
            summary.append({**key, **evaluate(forecast, is_high, documents, bootstrap)})
            diagrams += [{**key, **row} for row in calibration.reliability(forecast, is_high)]
    return pd.DataFrame(summary), pd.DataFrame(diagrams)


def evaluate(
    p: np.ndarray, is_high: np.ndarray, documents: list[str], bootstrap: Bootstrap
) -> dict[str, float]:
    """The metrics of one domain; AUC and accuracy have intervals over documents.

    `p` (texts,) are the probabilities of the high pole; `documents` has the document of each text.
    Sentences of one document resemble each other, so a resample takes all texts of a document.
    """
    names, document = np.unique(documents, return_inverse=True)
    weights = bootstrap.weights(len(names))
    ranked = bootstrap.estimate(calibration.weighted_auc(p, is_high, document, weights))
    right = np.bincount(document, (p > 0.5) == is_high)
    return {
        "n": len(p),
        "n_documents": len(names),
        **ranked.columns("auc"),
        **bootstrap.ratio(right, np.bincount(document)).columns("accuracy"),
        "share_of_pole": is_high.mean(),
        "mean_forecast": p.mean(),
        "calibration_error": calibration.calibration_error(p, is_high),
        "brier": ((p - is_high) ** 2).mean(),
    }


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        fitted = [files.read_json(path) for path in inputs.get("calibration", [])]
        others = domains.of_sources(params.others, inputs.others, params.prompts, params.high)
        if fitted:
            others = {name: domains.halves(texts, params.seed)[1] for name, texts in others.items()}
        summary, diagrams = main(
            inputs.model,
            params.high,
            {params.domain: domains.of_attribute(inputs.texts), **others},
            params.max_tokens,
            Bootstrap(**params.statistics, seed=params.seed),
            *fitted,
        )
        files.write_frame(snakemake.output.summary, summary)
        files.write_frame(snakemake.output.calibration, diagrams)
