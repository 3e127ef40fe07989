"""Is there a barrier between two experts? Along the line from one to the other, in nats a token.

Two definitions, each named: Frankle et al. 2020 (the largest value less the mean of the
ends) and Entezari et al. 2022 (the largest excess over the straight line between the
ends). A maximum is never below zero, nor is its interval, so a barrier counts as none
if its interval ends below a margin that the config fixes beforehand.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure import statistics
from paramlerp.measure.points import barriers, grouped, mean_over


def main(
    values: list[str],
    losses: list[str],
    judged: dict[tuple[str, str], list[list[str]]],
    how: dict,
    margin: float,
    seed,
) -> pd.DataFrame:
    """`losses` are a file a point; `judged` is (scorer of perplexity, set of prompts) -> the
    files of each point."""
    tests = [pd.read_csv(path) for path in losses]
    quantities = {
        (f"loss_{name}", None): [
            mean_over(frame[frame["text"] == name], "nll", how, seed) for frame in tests
        ]
        for name in dict.fromkeys(tests[0]["text"])
    }
    for (scorer, prompts), paths in judged.items():
        quantities[f"log_{scorer}", prompts] = [of_texts(own, how, seed) for own in paths]
    rows = []
    for (quantity, prompts), line in quantities.items():
        where = {"quantity": quantity, "prompts": prompts}
        rows += barriers(where, dict(zip(values, line, strict=True)), how, margin)
    return pd.DataFrame(rows)


def of_texts(paths: list[str], how: dict, seed) -> statistics.Estimate:
    """Log perplexity of generated texts: their prompts are the unit."""
    rows = pd.concat([pd.read_csv(path) for path in paths])
    frame = rows.groupby("prompt_id", sort=True)[["nll", "n_tokens"]].sum()
    return mean_over(frame, "nll", how, seed)


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        paths = iter(snakemake.input.perplexity)
        judged = {
            (scorer, prompts): grouped(paths, params.sizes)
            for scorer in params.scorers
            for prompts in params.prompts
        }
        table = main(
            params.values,
            snakemake.input.losses,
            judged,
            params.statistics,
            params.margin,
            params.seed,
        )
        files.write_csv(snakemake.output.barriers, table)
