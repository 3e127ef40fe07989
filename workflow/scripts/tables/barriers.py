"""Barriers along the line from one expert to another, in nats per token.

A barrier is estimated by two definitions: Frankle et al. 2020 (the largest value minus the mean
of the ends) and Entezari et al. 2022 (the largest excess over the straight line between the
ends). A maximum is never below zero, and neither is its interval. So a line counts as free of
barriers if the interval ends below a margin that the config fixes in advance.

The maximum is taken again on each resample, so the interval allows for the choice among all points
of the line. It is given these models and these points. Each row is a claim of its own: that all
rows are within the margin takes no wider intervals (an intersection of tests, Berger 1982).
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.barriers import barrier_rows
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.measure.measurement import mean_per_token
from paramlerp.measure.samples import losses_by_text, read_numbers, split


def main(
    values: list[str],
    losses: list[str],
    scores: dict[tuple[str, str], list[list[str]]],
    bootstrap: Bootstrap,
    margin: float,
) -> pd.DataFrame:
    """A row for each quantity and definition of the barrier.

    `values` are the coordinates of the points, `losses` the file of test losses of each.
    `scores` is (scorer of perplexity, set of prompts) -> the score files of each point.
    """
    frames = [read_numbers(path) for path in losses]
    names = list(dict.fromkeys(frames[0]["text"]))
    by_point = [losses_by_text(frame, names) for frame in frames]
    quantities = {
        (column, None): [mean_per_token(point[column], "nll", bootstrap) for point in by_point]
        for column in by_point[0]
    }
    for (scorer, prompts), points in scores.items():
        quantities[f"log_{scorer}", prompts] = [
            log_perplexity(paths, bootstrap) for paths in points
        ]
    rows = []
    for (quantity, prompts), estimates in quantities.items():
        key = {"quantity": quantity, "prompts": prompts}
        rows += barrier_rows(key, dict(zip(values, estimates, strict=True)), bootstrap, margin)
    return pd.DataFrame(rows)


def log_perplexity(paths: list[str], bootstrap: Bootstrap) -> Estimate:
    """Log perplexity of generated texts from their score files; the prompt is the unit."""
    texts = pd.concat([read_numbers(path) for path in paths])
    prompts = texts.groupby("prompt_id", sort=True)[["nll", "n_tokens"]].sum()
    return mean_per_token(prompts, "nll", bootstrap)


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        paths = iter(snakemake.input.perplexity)
        scores = {
            (scorer, prompts): split(paths, params.file_counts)
            for scorer in params.scorers
            for prompts in params.prompts
        }
        table = main(
            params.values,
            snakemake.input.losses,
            scores,
            Bootstrap(**params.statistics, seed=params.seed),
            params.margin,
        )
        files.write_frame(snakemake.output.barriers, table)
