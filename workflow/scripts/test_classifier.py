"""AUC, accuracy and calibration of a sentiment classifier, in its own domain and in others."""

import numpy as np
import pandas as pd

from paramlerp import classifiers, files, models, readers, statistics
from paramlerp.errors import UserError
from paramlerp.runtime import job
from paramlerp.seeds import generator


def main(model, domains: dict[str, list[tuple[str, bool]]], max_tokens: int, how: dict, seed):
    """Return the summary and the calibration table; a domain is texts with their truth."""
    network, tokenizer = models.load_classifier(model)
    summary, curves = [], []
    for domain, rows in domains.items():
        truth = np.array([positive for _, positive in rows])
        if truth.all() or not truth.any():
            raise UserError(f"{domain}: it takes positive and negative text to test a classifier")
        p = classifiers.probabilities(network, tokenizer, [text for text, _ in rows], max_tokens)
        p = p[:, network.config.label2id["positive"]]
        summary.append({"domain": domain, "n": len(rows), **judge(p, truth, how, seed)})
        curves += [{"domain": domain, **row} for row in statistics.calibration(p, truth)]
    return pd.DataFrame(summary), pd.DataFrame(curves)


def judge(p: np.ndarray, truth: np.ndarray, how: dict, seed) -> dict[str, float]:
    """The figures of one domain, AUC and accuracy with intervals over sentences."""
    random = generator(seed, "classifier test")
    drawn = random.integers(len(p), size=(how["resamples"], len(p)), dtype=np.int32)
    picks = [np.arange(len(p)), *drawn]
    figures = {}
    for name, of in (("auc", statistics.auc), ("accuracy", lambda p, t: ((p > 0.5) == t).mean())):
        values = np.array([of(p[i], truth[i]) for i in picks])
        e = statistics.estimate(values, how["confidence"])
        figures |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    figures["share_positive"] = truth.mean()
    figures["mean_forecast"] = p.mean()
    figures["calibration_error"] = statistics.calibration_error(p, truth)
    figures["brier"] = ((p - truth) ** 2).mean()
    return figures


if __name__ == "__main__":
    with job(snakemake):
        poles = {"positive": snakemake.input.positive, "negative": snakemake.input.negative}
        domains = {
            snakemake.params.own: [
                (row["text"], pole == "positive")
                for pole, path in poles.items()
                for row in files.read_jsonl(path)
            ]
        }
        for (name, reading), path in zip(
            snakemake.params.others.items(), snakemake.input.others, strict=True
        ):
            rows = [r for r in readers.read(path, reading) if r.pole in poles]
            domains[name] = [(r.text, r.pole == "positive") for r in rows]
        summary, calibration = main(
            snakemake.input.model,
            domains,
            snakemake.params.max_tokens,
            snakemake.params.statistics,
            snakemake.params.seed,
        )
        files.write_csv(snakemake.output.summary, summary)
        files.write_csv(snakemake.output.calibration, calibration)
