"""Next-word probabilities at every alpha of g1, and each word's trend between the experts.

`log_slope` is the least-squares slope of ln P against alpha over 0 <= alpha <= 1: the
probability grows by exp(log_slope) from theta- to theta+. `monotone` says whether P
rises (a positive word) or falls (a negative one) at every step there, as the paper
finds; `monotone_throughout` whether it does so over the whole sweep.
"""

import numpy as np
import pandas as pd

from paramlerp import files
from paramlerp.runtime import job

#: which way the probability of a pole's words should go as alpha grows
DIRECTION = {"positive": 1, "negative": -1}


def read(path) -> pd.DataFrame:
    """Rows of next_words; "null" and "None" are words here."""
    return pd.read_csv(path, keep_default_na=False)


def trend(own: pd.DataFrame) -> dict:
    """The trend of one word from its rows, alpha ascending."""
    between = own[own["alpha"].between(0, 1)]
    slope = float("nan")
    if len(between) > 1:
        slope = -np.polyfit(between["alpha"], between["nll"], 1)[0]
    return {
        "log_slope": slope,
        "monotone": monotone(between),
        "monotone_throughout": monotone(own),
    }


def monotone(own: pd.DataFrame) -> bool:
    """Whether every step goes the way of the word's pole; false where there is no step."""
    if len(own) < 2:
        return False
    return bool((np.diff(-own["nll"]) * DIRECTION[own["pole"].iloc[0]] > 0).all())


def main(alphas: list[str], paths: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of all alphas, and a row a word."""
    words = pd.concat(
        [read(p).assign(alpha=float(a)) for a, p in zip(alphas, paths, strict=True)],
        ignore_index=True,
    )
    words["probability"] = np.exp(-words["nll"])
    trends = [
        {"pole": pole, "word": word, "n_tokens": own["n_tokens"].iloc[0], **trend(own)}
        for (pole, word), own in words.groupby(["pole", "word"], sort=False)
    ]
    columns = ["alpha", "pole", "word", "n_tokens", "probability"]
    return words[columns], pd.DataFrame(trends)


if __name__ == "__main__":
    with job(snakemake):
        words, trends = main(snakemake.params.alphas, snakemake.input.words)
        files.write_csv(snakemake.output.words, words)
        files.write_csv(snakemake.output.trends, trends)
