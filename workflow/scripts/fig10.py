"""Figure 10: perplexity, distinct n-grams, grammar and test loss on the line between two models."""

from itertools import cycle

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job


def main(table: pd.DataFrame, groups: dict, confidence: float, grammar: str):
    """A column a metric; a row for all pairs of one model a, whose losses compare.

    `groups` is model -> pair -> its title. Of the first set of prompts.
    """
    panels = {
        "perplexity": "Perplexity of the texts",
        "dist2": "Distinct bigrams (dist-2)",
        "grammar": plotting.GRAMMAR[grammar],
        "loss": "Loss on held-out text, nats a token",
    }
    table = table[table["prompts"] == table["prompts"].iloc[0]]
    size = {"figsize": (15, 3.7 * len(groups)), "layout": "constrained", "squeeze": False}
    figure, rows = plt.subplots(len(groups), len(panels), **size)
    letters, colours = iter("abcdefghijklmnopqrstuvwxyz"), cycle(plotting.COLOURS)
    for axes, titles in zip(rows, groups.values(), strict=True):
        pairs = {pair: (title, next(colours)) for pair, title in titles.items()}
        for axis, (metric, title) in zip(axes, panels.items(), strict=True):
            for pair, (label, colour) in pairs.items():
                own = table[table["pair"] == pair]
                plotting.curve(axis, own, metric, colour=colour, label=label)
            for end in (0, 1):
                axis.axvline(end, color="#888888", lw=1, ls=(0, (3, 3)), zorder=1)
            axis.set(title=f"({next(letters)}) {title}", xlabel="α in (1−α)·a + α·b")
        axes[0].set_yscale("log")
        axes[0].legend(fontsize=8)
    plotting.footnote(figure, table, confidence, " (loss: over texts)")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.table),
            snakemake.params.groups,
            snakemake.params.confidence,
            snakemake.params.grammar,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
