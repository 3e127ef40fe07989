"""Scorers along a line (figure 3: sentiment, perplexity and grammar of the texts along g1)."""

from itertools import cycle

import pandas as pd

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt


def main(table: pd.DataFrame, panels: dict[str, str], line: dict, confidence: float):
    """A panel a metric, a curve a prompt set. `panels` is metric -> title; the attribute first,
    which lies between 0 and 1. `line` has its coordinate, its label and its ends."""
    size = {"figsize": (11 / 3 * len(panels), 3.3), "layout": "constrained", "squeeze": False}
    figure, (axes,) = plt.subplots(1, len(panels), **size)
    sets = list(dict.fromkeys(table["prompts"]))
    titles = plotting.lettered(panels)
    for axis, (metric, title) in zip(axes, titles.items(), strict=True):
        for name, colour in zip(sets, cycle(plotting.COLOURS), strict=False):
            own = table[table["prompts"] == name]
            label = f"{name} prompts"
            plotting.curve(axis, own, metric, x=line["coordinate"], colour=colour, label=label)
        plotting.mark_ends(axis, line["ends"])
        axis.set(title=title, xlabel=line["label"])
    axes[0].set_ylim(0, 1)
    for axis in axes[1:2]:
        axis.set_ylim(bottom=0)
    if len(sets) > 1:
        axes[0].legend(loc="lower right")
    beyond = "; shaded: beyond the experts" if len(line["ends"]) == 2 else ""
    plotting.footnote(figure, table, confidence, beyond)
    return figure


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.table), params.panels, params.line, params.confidence
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
