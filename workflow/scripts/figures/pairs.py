"""Scorers, distinct n-grams and test loss on the line between two models (figure 10)."""

from itertools import cycle

import pandas as pd

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt


def main(table: pd.DataFrame, groups: dict, panels: dict[str, str], line: dict, confidence: float):
    """A column a metric; a row for all pairs of one model a, whose losses compare.

    `groups` is model -> scheme -> its title; `panels` is metric -> title, perplexity first;
    `line` has the coordinate and its label. Of the first set of prompts.
    """
    table = table[table["prompts"] == table["prompts"].iloc[0]]
    size = {"figsize": (15, 3.7 * len(groups)), "layout": "constrained", "squeeze": False}
    figure, rows = plt.subplots(len(groups), len(panels), **size)
    letters, colours = iter("abcdefghijklmnopqrstuvwxyz"), cycle(plotting.COLOURS)
    for axes, titles in zip(rows, groups.values(), strict=True):
        pairs = {pair: (title, next(colours)) for pair, title in titles.items()}
        for axis, (metric, title) in zip(axes, panels.items(), strict=True):
            for pair, (label, colour) in pairs.items():
                own = table[table["scheme"] == pair]
                plotting.curve(axis, own, metric, x=line["coordinate"], colour=colour, label=label)
            for end in (0, 1):
                axis.axvline(end, color="#888888", lw=1, ls=(0, (3, 3)), zorder=1)
            axis.set(title=f"({next(letters)}) {title}", xlabel=line["label"])
        axes[0].set_yscale("log")
        axes[0].legend(fontsize=8)
    plotting.footnote(figure, table, confidence, " (loss: over texts)")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.table),
            snakemake.params.groups,
            snakemake.params.panels,
            snakemake.params.line,
            snakemake.params.confidence,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
