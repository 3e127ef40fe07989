"""What an edit tagger says of real text, and of the same text with a slip in each sentence.

Two levels to read a tagger's scores against: of `real` test sentences, and of the same sentences
with two neighbouring words `swapped`. Here all words of a sentence count, since none is a prompt's.
"""

from itertools import pairwise

import numpy as np

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import generator
from paramlerp.measure import tagging

#: the sentences of each pole
COUNT = 20


def swap(text: str, seed: int) -> str:
    """The text with two neighbouring words swapped, at random among those that differ.

    A text of one word, or of equal ones, stays as it is. The place depends on the text and `seed`.
    """
    words = text.split()
    places = [i for i, (a, b) in enumerate(pairwise(words)) if a != b]
    if places:
        i = generator(seed, "swap", text).choice(places)
        words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words)


def main(texts: list[str], tagger: tagging.Tagger, seed: int) -> list[dict]:
    """A row for each kind of text, with the mean of the scores over the texts that have one."""
    kinds = {"real": texts, "swapped": [swap(text, seed) for text in texts]}
    scores = {kind: tagger.acceptability(of, [0] * len(of)) for kind, of in kinds.items()}
    return [
        {"text": kind, "score": float(np.nanmean(s)), "n_texts": int(np.isfinite(s).sum())}
        for kind, s in scores.items()
    ]


if __name__ == "__main__":
    with job(snakemake):
        inputs = snakemake.input
        texts = [row["text"] for path in inputs.texts for row in files.read_jsonl(path)[:COUNT]]
        tagger = tagging.Tagger(inputs.model, snakemake.threads)
        files.write_rows(snakemake.output.table, main(texts, tagger, snakemake.params.seed))
