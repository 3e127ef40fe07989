"""Unigram NLL of every token of a language model, from counts in given texts.

Counts are smoothed by adding one, so that a token never seen has a price too.
"""

from collections import Counter

import numpy as np

from paramlerp.data import readers
from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.lm import models


def main(model_dir: str, texts: list[str]) -> list[dict]:
    tokenizer = models.load_tokenizer(model_dir)
    counts = Counter()
    for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
        counts.update(ids)
    size = max(tokenizer.get_vocab().values()) + 1
    smoothed = np.array([counts[token] + 1 for token in range(size)])
    nll = np.log(smoothed.sum()) - np.log(smoothed)
    return [{"token": token, "nll": value} for token, value in enumerate(nll)]


if __name__ == "__main__":
    with job(snakemake):
        texts = [
            row.text
            for path, reading in zip(
                snakemake.input.sources, snakemake.params.readings, strict=True
            )
            for row in readers.read(path, reading)
        ]
        files.write_rows(snakemake.output.counts, main(snakemake.input.model, texts))
