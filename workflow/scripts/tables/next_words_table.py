"""Next-word probabilities at every point of a line, and the trend of each word.

`log_slope` is the least-squares slope of ln P against the coordinate over [0, 1]: from one
expert to the other the probability grows by the factor exp(log_slope). `monotone` says whether
P rises (a word of the high pole) or falls (one of the low pole) at every step of [0, 1], as the
paper finds; `monotone_throughout`, whether it does so over the whole sweep.

The probabilities are read off these models, so nothing has an interval. All words that the config
names are in the table: how many are monotone is to be read against their number.
"""

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.samples import read_numbers


def read(path: str) -> pd.DataFrame:
    """The rows of a file of next words; "null" and "None" are words, not missing values."""
    return read_numbers(path, keep_default_na=False, na_values={"nll": ["", "nan"]})


def trend(word: pd.DataFrame, coordinate: str, direction: int) -> dict:
    """The trend of one word from its rows, by ascending coordinate; `direction` is 1 or -1."""
    between = word[word[coordinate].between(0, 1)]
    slope = float("nan")
    if len(between) > 1:
        slope = -np.polyfit(between[coordinate], between["nll"], 1)[0]
    return {
        "log_slope": slope,
        "monotone": monotone(between, direction),
        "monotone_throughout": monotone(word, direction),
    }


def monotone(word: pd.DataFrame, direction: int) -> bool:
    """Whether P rises (1) or falls (-1) at every step; false if there is no step."""
    return len(word) > 1 and bool((np.diff(-word["nll"]) * direction > 0).all())


def main(
    coordinate: str, values: list[str], paths: list[str], high: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row for each point and word, and a row for each word.

    `paths` has the file of each of the `values`. Words of the pole `high` should rise.
    """
    points = pd.concat(
        [read(p).assign(**{coordinate: float(v)}) for v, p in zip(values, paths, strict=True)],
        ignore_index=True,
    )
    points["probability"] = np.exp(-points["nll"])
    trends = [
        {
            "pole": pole,
            "word": word,
            "n_tokens": rows["n_tokens"].iloc[0],
            **trend(rows, coordinate, 1 if pole == high else -1),
        }
        for (pole, word), rows in points.groupby(["pole", "word"], sort=False)
    ]
    columns = [coordinate, "pole", "word", "n_tokens", "probability"]
    return points[columns], pd.DataFrame(trends)


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        words, trends = main(params.coordinate, params.values, snakemake.input.words, params.high)
        files.write_frame(snakemake.output.words, words)
        files.write_frame(snakemake.output.trends, trends)
