"""Figure 10: perplexity, distinct n-grams, grammar and test loss on the line between two models."""

from itertools import cycle

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job


def main(table: pd.DataFrame, titles: dict[str, str], confidence: float, grammar: str):
    """A panel a metric, a line a pair (of the first set of prompts)."""
    panels = {
        "perplexity": "Perplexity of the texts",
        "dist2": "Distinct bigrams of the texts (dist-2)",
        "grammar": plotting.panels(grammar)["grammar"].partition(" ")[2],
        "loss": "Loss on held-out text, nats a token",
    }
    table = table[table["prompts"] == table["prompts"].iloc[0]]
    size = {"figsize": (10.5, 7.2), "layout": "constrained"}
    figure, axes = plt.subplots(2, 2, **size)
    for letter, axis, (metric, title) in zip("abcd", axes.flat, panels.items(), strict=True):
        for pair, colour in zip(titles, cycle(plotting.COLOURS), strict=False):
            own = table[table["pair"] == pair]
            plotting.curve(axis, own, metric, colour=colour, label=titles[pair])
        for end in (0, 1):
            axis.axvline(end, color="#888888", lw=1, ls=(0, (3, 3)), zorder=1)
        axis.set(title=f"({letter}) {title}", xlabel="α in (1−α)·a + α·b")
    axes[0, 0].set_yscale("log")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    plotting.footnote(figure, table, confidence, " (loss: over texts)")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.table),
            snakemake.params.titles,
            snakemake.params.confidence,
            snakemake.params.grammar,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
