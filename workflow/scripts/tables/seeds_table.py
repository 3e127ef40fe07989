"""The spread between trainings of a sweep's experts, beside the interval over prompts.

The first seed, 0, is the sweep itself; each other one is a copy of it whose experts were trained
again. The two intervals answer different questions:

- that over prompts, in the tables of a sweep: with these very experts, how far could other prompts
  have moved the value? It says nothing about experts that are trained again.
- that over seeds, here: with these prompts, how far could other trainings have moved the mean over
  trainings? It is a t-interval, mean ± t·sd/√n, with n-1 degrees of freedom for n seeds, and it
  takes the values of seeds as normal. Few seeds make it wide: t is 12.7 for two seeds and 4.3 for
  three (at 95%).

`sd` is between single trainings: how far the one training of a run may lie from the mean. Each
value is a mean over sampled texts, so `sd` contains what is left of the noise of sampling.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def t_interval(values: np.ndarray, confidence: float) -> dict[str, float]:
    """Mean, t-interval and standard deviation of finite values (seeds,).

    `seed_half_width` is half of the interval's width. With fewer than two values only the mean
    is known.
    """
    n = len(values)
    mean = values.mean() if n else np.nan
    sd = values.std(ddof=1) if n > 1 else np.nan
    half = stdtrit(n - 1, (1 + confidence) / 2) * sd / np.sqrt(n) if n > 1 else np.nan
    return {
        "n_seeds": n,
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "sd": sd,
        "seed_half_width": half,
    }


def levels(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """A row for each measurement and metric of a sweep's table: its value, and its interval.

    The metrics are the columns that have an interval. Points that other sweeps draw over a plane
    (`kind` overlay) are left out.
    """
    if "kind" in table:
        table = table[table["kind"] != "overlay"]
    metrics = [name for name in table if {f"{name}_low", f"{name}_high"} <= set(table)]
    parts = [
        table[keys].assign(
            metric=name,
            quantity="level",
            reference=None,
            value=table[name],
            low=table[f"{name}_low"],
            high=table[f"{name}_high"],
        )
        for name in metrics
    ]
    return pd.concat(parts).sort_index(kind="stable")


def changes(differences: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The rows of a sweep's table of differences, with the columns of `levels`."""
    named = differences.rename(columns={"difference": "value"}).assign(quantity="difference")
    return named[[*keys, "metric", "quantity", "reference", "value", "low", "high"]]


def main(
    tables: dict[int, pd.DataFrame],
    differences: dict[int, pd.DataFrame],
    coordinates: list[str],
    confidence: float,
) -> pd.DataFrame:
    """A row for each set of prompts, point and metric, of its level and of its difference.

    `tables` and `differences` are seed -> the sweep's table with that seed; a sweep in memory has
    no differences. `prompts_half_width` is half of the width of the interval over prompts, on
    average over the seeds; seed_{seed} is the value with that seed. Values that are not finite
    (a broken point, a metric without texts) do not count in `n_seeds`.
    """
    first = next(iter(tables.values()))
    keys = [name for name in ("prompts", "scheme", *coordinates) if name in first]
    parts = [levels(table, keys).assign(seed=seed) for seed, table in tables.items()]
    parts += [changes(table, keys).assign(seed=seed) for seed, table in differences.items()]
    names = [*keys, "metric", "quantity", "reference"]
    rows = []
    for key, group in pd.concat(parts).groupby(names, sort=False, dropna=False):
        values = group["value"].to_numpy(float)
        halves = (group["high"] - group["low"]).to_numpy(float) / 2
        halves = halves[np.isfinite(halves)]
        rows.append(
            {
                **dict(zip(names, key, strict=True)),
                **t_interval(values[np.isfinite(values)], confidence),
                "prompts_half_width": halves.mean() if len(halves) else np.nan,
                **{f"seed_{s}": v for s, v in zip(group["seed"], values, strict=True)},
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        text = dict.fromkeys([*params.coordinates, "reference"], str)

        def read(paths) -> dict[int, pd.DataFrame]:
            """Seed -> table, in which the copies of a scheme have its name."""
            frames = zip(params.schemes.items(), paths, strict=False)
            return {
                seed: pd.read_csv(path, dtype=text).replace({"scheme": names})
                for (seed, names), path in frames
            }

        table = main(
            read(snakemake.input.tables),
            read(snakemake.input.differences),
            params.coordinates,
            params.confidence,
        )
        files.write_frame(snakemake.output.table, table)
