"""Scorers along a line (figure 3: sentiment, perplexity and grammar of the texts along g1)."""

from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import curves, style
from paramlerp.jobs.runtime import job


def main(table: pd.DataFrame, titles: dict[str, str], line: dict, confidence: float) -> Figure:
    """A panel for each metric, with a curve for each set of prompts.

    `titles` is metric -> title; the attribute, which lies between 0 and 1, is first and
    perplexity second. `line` has the coordinate, its label and the ends.
    """
    figure, (axes,) = style.panels(1, len(titles), (11 / 3 * len(titles), 3.3))
    sets = list(dict.fromkeys(table["prompts"]))
    for axis, (metric, title) in zip(axes, style.lettered(titles).items(), strict=True):
        for prompts, colour in zip(sets, cycle(style.COLOURS), strict=False):
            curves.curve(
                axis,
                table[table["prompts"] == prompts],
                metric,
                x=line["coordinate"],
                colour=colour,
                label=f"{prompts} prompts",
            )
        curves.mark_ends(axis, line["ends"])
        axis.set(title=title, xlabel=line["label"])
    axes[0].set_ylim(0, 1)
    for axis in axes[1:2]:
        axis.set_ylim(bottom=0)
    if len(sets) > 1:
        axes[0].legend(loc="lower right")
    remark = curves.shading(line["ends"])
    style.note_intervals(figure, table, confidence, remark=remark)
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        table = pd.read_csv(snakemake.input.table)
        figure = main(table, params.panels, params.line, params.confidence)
        style.save(figure, *snakemake.output)
