"""Scorers, distinct n-grams and test loss on the line between two models (figure 10)."""

from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import curves, style
from paramlerp.jobs.runtime import job


def main(
    table: pd.DataFrame,
    groups: dict[str, dict[str, str]],
    titles: dict[str, str],
    line: dict,
    confidence: float,
) -> Figure:
    """A column for each metric, and a row for all pairs that start at one model.

    Only pairs of one row have losses that can be compared. `groups` is first model -> scheme ->
    label; `titles` is metric -> title, perplexity first; `line` has the coordinate and its
    label. Only the first set of prompts is shown.
    """
    table = table[table["prompts"] == table["prompts"].iloc[0]]
    figure, rows = style.panels(len(groups), len(titles), (15, 3.7 * len(groups)))
    letters, colours = iter(style.LETTERS), cycle(style.COLOURS)
    for axes, labels in zip(rows, groups.values(), strict=True):
        pairs = [(scheme, label, next(colours)) for scheme, label in labels.items()]
        for axis, (metric, title) in zip(axes, titles.items(), strict=True):
            for scheme, label, colour in pairs:
                pair = table[table["scheme"] == scheme]
                curves.curve(axis, pair, metric, x=line["coordinate"], colour=colour, label=label)
            for end in (0, 1):
                axis.axvline(end, color="#888888", lw=1, ls=(0, (3, 3)), zorder=1)
            axis.set(title=f"({next(letters)}) {title}", xlabel=line["label"])
        axes[0].set_yscale("log")
        axes[0].legend(fontsize=8)
    unit = " (loss: over documents of test text)"
    style.note_intervals(figure, table, confidence, exception=unit)
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        table = pd.read_csv(snakemake.input.table)
        figure = main(table, params.groups, params.panels, params.line, params.confidence)
        style.save(figure, *snakemake.output)
