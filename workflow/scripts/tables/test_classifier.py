"""AUC, accuracy and calibration of a classifier of poles, in its own domain and in others."""

import numpy as np
import pandas as pd

from paramlerp.data import readers, selections
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import generator
from paramlerp.lm import models
from paramlerp.measure import calibration, classifiers
from paramlerp.measure.bootstrap import Bootstrap


def main(
    model: str,
    high: str,
    domains: dict[str, list[tuple[str, bool]]],
    max_tokens: int,
    bootstrap: Bootstrap,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row of metrics for each domain, and a row for each bin of its reliability diagram.

    `domains` is domain -> (text, whether its pole is `high`). Raises UserError if a domain has
    texts of one pole only.
    """
    network, tokenizer = models.load_classifier(model)
    summary, diagrams = [], []
    for domain, rows in domains.items():
        texts, is_high = [text for text, _ in rows], np.array([positive for _, positive in rows])
        if is_high.all() or not is_high.any():
            raise UserError(f"{domain}: it takes text of both poles to test a classifier")
        p = classifiers.probabilities(network, tokenizer, texts, max_tokens)
        p = p[:, network.config.label2id[high]]
        summary.append({"domain": domain, "n": len(rows), **evaluate(p, is_high, bootstrap)})
        diagrams += [{"domain": domain, **row} for row in calibration.reliability(p, is_high)]
    return pd.DataFrame(summary), pd.DataFrame(diagrams)


def evaluate(p: np.ndarray, is_high: np.ndarray, bootstrap: Bootstrap) -> dict[str, float]:
    """The metrics of one domain; AUC and accuracy have intervals over sentences.

    `p` (texts,) are the probabilities of the high pole.
    """
    random = generator(bootstrap.seed, "classifier test")
    size = (bootstrap.resamples, len(p))
    resamples = [np.arange(len(p)), *random.integers(len(p), size=size, dtype=np.int32)]
    row = {}
    for name, metric in (("auc", calibration.auc), ("accuracy", accuracy)):
        values = np.array([metric(p[indices], is_high[indices]) for indices in resamples])
        row |= bootstrap.estimate(values).columns(name)
    row["share_of_pole"] = is_high.mean()
    row["mean_forecast"] = p.mean()
    row["calibration_error"] = calibration.calibration_error(p, is_high)
    row["brier"] = ((p - is_high) ** 2).mean()
    return row


def accuracy(p: np.ndarray, is_high: np.ndarray) -> float:
    """Share of texts whose pole is predicted right, at the threshold 1/2."""
    return ((p > 0.5) == is_high).mean()


def other_domains(domains: dict[str, list[dict]], paths: list[str], high: str) -> dict:
    """Domain -> (text, whether its pole is `high`), read from sources.

    `domains` is domain -> its sources, each with `reading` (how to read it) and `selections`
    (which rows have which pole). `paths` lists the sources of all domains, one after the other.
    """
    remaining = iter(paths)
    return {
        domain: [
            (row.text, row.pole == high)
            for source in sources
            for row in selections.assign_poles(
                readers.read(next(remaining), source["reading"]), source["selections"]
            )
        ]
        for domain, sources in domains.items()
    }


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        high = params.poles[0]
        held_out = [
            (row["text"], pole == high)
            for pole, path in zip(params.poles, inputs.texts, strict=True)
            for row in files.read_jsonl(path)
        ]
        summary, diagrams = main(
            inputs.model,
            high,
            {params.domain: held_out, **other_domains(params.others, inputs.others, high)},
            params.max_tokens,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        files.write_frame(snakemake.output.summary, summary)
        files.write_frame(snakemake.output.calibration, diagrams)
