"""NLL of continuations given their prompts, under a causal LM and under its unigrams.

A row a text: nll and unigram_nll are sums in nats over its n_tokens tokens as the
scoring model cuts them; an empty continuation has none of either.
"""

import numpy as np

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import models, scoring


def main(rows: list[dict], model_dir: str, unigram_nll) -> dict[str, list]:
    model, tokenizer = models.load_causal_lm(model_dir)
    pairs = [scoring.continuation(tokenizer, row["prompt"], row["text"]) for row in rows]
    sequences, starts = [ids for ids, _ in pairs], [start for _, start in pairs]
    parts = scoring.continuation_nll(model, sequences, starts, Progress(len(rows), "texts"))
    return {
        "nll": [part.sum(dtype="float64") for part in parts],
        "unigram_nll": [unigram_nll[ids[start:]].sum() for ids, start in pairs],
        "n_tokens": [len(part) for part in parts],
    }


if __name__ == "__main__":
    with job(snakemake):
        unigram_nll = np.loadtxt(snakemake.input.unigrams, delimiter=",", skiprows=1)[:, 1]
        rows = files.read_jsonl(snakemake.input.texts)
        scores = main(rows, snakemake.input.model, unigram_nll)
        files.write_scores(snakemake.output.scores, rows, **scores)
