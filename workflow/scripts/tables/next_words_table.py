"""Next-word probabilities at every point of a line, and each word's trend between 0 and 1.

`log_slope` is the least-squares slope of ln P against the coordinate over [0, 1]: the
probability grows by exp(log_slope) from one expert to the other. `monotone` says whether P
rises (a word of the first pole) or falls (one of its opposite) at every step there, as the
paper finds; `monotone_throughout` whether it does so over the whole sweep.
"""

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def read(path) -> pd.DataFrame:
    """Rows of next_words; "null" and "None" are words here."""
    return pd.read_csv(path, keep_default_na=False)


def trend(own: pd.DataFrame, coordinate: str, way: int) -> dict:
    """The trend of one word from its rows, the coordinate ascending; `way` is 1 or -1."""
    between = own[own[coordinate].between(0, 1)]
    slope = float("nan")
    if len(between) > 1:
        slope = -np.polyfit(between[coordinate], between["nll"], 1)[0]
    return {
        "log_slope": slope,
        "monotone": monotone(between, way),
        "monotone_throughout": monotone(own, way),
    }


def monotone(own: pd.DataFrame, way: int) -> bool:
    """Whether every step goes up (1) or down (-1); false where there is no step."""
    return len(own) > 1 and bool((np.diff(-own["nll"]) * way > 0).all())


def main(
    coordinate: str, values: list[str], paths: list[str], high: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of all points, and a row a word; words of the pole `high` are to rise."""
    words = pd.concat(
        [read(p).assign(**{coordinate: float(v)}) for v, p in zip(values, paths, strict=True)],
        ignore_index=True,
    )
    words["probability"] = np.exp(-words["nll"])
    trends = [
        {
            "pole": pole,
            "word": word,
            "n_tokens": own["n_tokens"].iloc[0],
            **trend(own, coordinate, 1 if pole == high else -1),
        }
        for (pole, word), own in words.groupby(["pole", "word"], sort=False)
    ]
    columns = [coordinate, "pole", "word", "n_tokens", "probability"]
    return words[columns], pd.DataFrame(trends)


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        words, trends = main(params.coordinate, params.values, snakemake.input.words, params.high)
        files.write_csv(snakemake.output.words, words)
        files.write_csv(snakemake.output.trends, trends)
