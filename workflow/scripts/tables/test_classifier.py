"""AUC, accuracy and calibration of a classifier of poles, in its own domain and in others."""

import numpy as np
import pandas as pd

from paramlerp.data import readers
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import generator
from paramlerp.lm import models
from paramlerp.measure import classifiers, statistics


def main(
    model,
    high: str,
    domains: dict[str, list[tuple[str, bool]]],
    max_tokens: int,
    how: dict,
    seed,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the summary and the calibration table; a domain is texts, and whether each is of
    the pole `high`."""
    network, tokenizer = models.load_classifier(model)
    summary, curves = [], []
    for domain, rows in domains.items():
        truth = np.array([is_high for _, is_high in rows])
        if truth.all() or not truth.any():
            raise UserError(f"{domain}: it takes text of both poles to test a classifier")
        p = classifiers.probabilities(network, tokenizer, [text for text, _ in rows], max_tokens)
        p = p[:, network.config.label2id[high]]
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
    figures["share_of_pole"] = truth.mean()
    figures["mean_forecast"] = p.mean()
    figures["calibration_error"] = statistics.calibration_error(p, truth)
    figures["brier"] = ((p - truth) ** 2).mean()
    return figures


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        high = params.poles[0]
        texts = zip(params.poles, snakemake.input.texts, strict=True)
        domains = {
            params.own: [
                (row["text"], pole == high)
                for pole, path in texts
                for row in files.read_jsonl(path)
            ]
        }
        paths = iter(snakemake.input.others)
        for domain, texts in params.others.items():
            domains[domain] = [
                (row.text, row.pole == high)
                for text in texts
                for row in readers.of_poles(
                    readers.read(next(paths), text["reading"]), text["selections"]
                )
            ]
        summary, calibration = main(
            snakemake.input.model,
            high,
            domains,
            params.max_tokens,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.summary, summary)
        files.write_csv(snakemake.output.calibration, calibration)
