"""Unigram NLL of every token of a language model, from counts in texts.

One is added to every count, so that the NLL of a token that never occurs is finite. Documents that
prompts are drawn from are left out.
"""

from collections import Counter
from itertools import chain

import numpy as np

from paramlerp.data import documents
from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.lm import tokenization


def main(model_dir: str, texts: list[str]) -> list[dict]:
    """Rows of token (an id) and nll, in nats, for each id of the tokenizer."""
    tokenizer = tokenization.load_tokenizer(model_dir)
    counts = Counter()
    for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
        counts.update(ids)
    size = max(tokenizer.get_vocab().values()) + 1
    smoothed = np.array([counts[token] + 1 for token in range(size)])
    nll = np.log(smoothed.sum()) - np.log(smoothed)
    return [{"token": token, "nll": value} for token, value in enumerate(nll)]


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        rows = documents.read_training_text(
            snakemake.input.sources, params.readings, params.prompts
        )
        texts = [row.text for row in chain.from_iterable(rows)]
        files.write_rows(snakemake.output.counts, main(snakemake.input.model, texts))
