"""Is there a barrier between the experts? Along g1 from theta- to theta+, in nats a token.

Two definitions, each named: Frankle et al. 2020 (the largest value less the mean of the
ends) and Entezari et al. 2022 (the largest excess over the straight line between the
ends). A maximum is never below zero, nor is its interval, so a barrier counts as none
if its interval ends below a margin that the config fixes beforehand.
"""

import pandas as pd

from paramlerp import files, statistics
from paramlerp.points import barriers, mean_over
from paramlerp.runtime import job


def main(
    alphas: list[str],
    losses: list[str],
    prompts: list[str],
    perplexity: list[str],
    how: dict,
    margin: float,
    seed,
) -> pd.DataFrame:
    """`perplexity` are that scorer's files, alpha by alpha for each of `prompts`."""
    tests = [pd.read_csv(path) for path in losses]
    quantities = {
        (f"loss_{pole}", None): [
            mean_over(frame[frame["pole"] == pole], "nll", how, seed) for frame in tests
        ]
        for pole in dict.fromkeys(tests[0]["pole"])
    }
    for start, name in enumerate(prompts):
        own = perplexity[start * len(alphas) :][: len(alphas)]
        quantities["log_perplexity", name] = [of_texts(path, how, seed) for path in own]
    rows = []
    for (quantity, name), walk in quantities.items():
        where = {"quantity": quantity, "prompts": name}
        rows += barriers(where, dict(zip(alphas, walk, strict=True)), how, margin)
    return pd.DataFrame(rows)


def of_texts(path: str, how: dict, seed) -> statistics.Estimate:
    """Log perplexity of generated texts: their prompts are the unit."""
    frame = pd.read_csv(path).groupby("prompt_id", sort=True)[["nll", "n_tokens"]].sum()
    return mean_over(frame, "nll", how, seed)


if __name__ == "__main__":
    with job(snakemake):
        table = main(
            snakemake.params.alphas,
            snakemake.input.losses,
            snakemake.params.prompts,
            snakemake.input.perplexity,
            snakemake.params.statistics,
            snakemake.params.margin,
            snakemake.params.seed,
        )
        files.write_csv(snakemake.output.barriers, table)
