"""NLL of continuations given their prompts, under a causal LM and under unigrams of its tokens.

A row per text: nll and unigram_nll are sums in nats over n_tokens, the number of tokens into which
the tokenizer of the scorer's model splits the text. For an empty continuation all three are 0.
"""

import numpy as np

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import continuations, models


def main(rows: list[dict], model_dir: str, unigram_nll: np.ndarray) -> dict[str, list]:
    """The columns of scores; `rows` have prompt and text, `unigram_nll` is by token id."""
    model, tokenizer = models.load_causal_lm(model_dir)
    pairs = [
        continuations.encode_continuation(tokenizer, row["prompt"], row["text"]) for row in rows
    ]
    sequences, starts = [ids for ids, _ in pairs], [start for _, start in pairs]
    parts = continuations.continuation_nll(model, sequences, starts, Progress(len(rows), "texts"))
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
