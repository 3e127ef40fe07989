"""Scorers along a line with each training of its experts, and the two kinds of interval.

Above, a thin curve for each seed with its interval over prompts, and the mean over seeds with its
t-interval. Below, how wide both intervals are, and how far single trainings lie apart (sd).
"""

from itertools import chain, zip_longest

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paramlerp.drawing import curves, style
from paramlerp.jobs.runtime import job

MEAN = "#222222"
#: colours of the seeds' curves; none of them is a colour of the lower row
SEEDS = style.COLOURS
#: column of the table of seeds -> its colour, line, and name in the lower row
WIDTHS = {
    "prompts_half_width": (style.NEUTRAL, "-", "interval over prompts, ±"),
    "seed_half_width": (MEAN, "-", "t-interval of the mean over trainings, ±"),
    "sd": (style.LOW, (0, (4, 2)), "sd between single trainings"),
}


def main(
    tables: dict[int, pd.DataFrame],
    spread: pd.DataFrame,
    titles: dict[str, str],
    line: dict,
    confidence: float,
) -> Figure:
    """Two rows of panels for each set of prompts, a panel for each metric.

    `tables` is seed -> the sweep's table with that seed (0: the sweep itself), `spread` its table
    of seeds. `titles` is metric -> title, the attribute first and perplexity second; `line` has the
    coordinate, its label and the ends.
    """
    first, x = next(iter(tables.values())), line["coordinate"]
    sets = list(dict.fromkeys(first["prompts"]))
    size = (max(3.7 * len(titles), 9.5), 5.8 * len(sets) + 0.5)  # the legend needs the width
    figure, rows = style.panels(2 * len(sets), len(titles), size)
    spread = spread[spread["quantity"] == "level"]
    pairs = (a + b for a in style.LETTERS for b in style.LETTERS)
    letters = chain(style.LETTERS, pairs)
    for prompts, above, below in zip(sets, rows[::2], rows[1::2], strict=True):
        panels = dict(zip(titles, zip(above, below, strict=True), strict=True))
        names = {metric: next(letters) for metric in panels}
        for metric, (values, widths) in panels.items():
            of_metric = spread[(spread["prompts"] == prompts) & (spread["metric"] == metric)]
            _values(values, tables, of_metric, prompts, metric, x)
            curves.mark_ends(values, line["ends"])
            values.set_title(f"({names[metric]}) {titles[metric]}")
            for column, (colour, dashes, name) in WIDTHS.items():
                y = of_metric[column]
                widths.plot(of_metric[x], y, "o", ls=dashes, color=colour, ms=3, label=name)
            widths.set_ylim(bottom=0)
            title = f"({next(letters)}) Half-widths and sd of ({names[metric]})"
            widths.set(xlabel=line["label"], title=title)
        above[0].set_ylim(0, 1)
        if len(sets) > 1:
            above[0].set_ylabel(f"{prompts} prompts")
    _legend(figure, rows)
    n = len(tables)
    style.note(
        figure,
        f"{confidence:.0%} intervals. Bands: bootstrap over prompts, with the experts of one"
        f" training. Bars: t-interval of the mean over {n} trainings, with these prompts.",
    )
    return figure


def _values(
    axis: Axes,
    tables: dict[int, pd.DataFrame],
    spread: pd.DataFrame,
    prompts: str,
    metric: str,
    x: str,
) -> None:
    """The curve of each seed with its band, and the mean over seeds with its bars."""
    few = len(tables) <= len(SEEDS)  # more than that are one colour, and have no names
    colours = SEEDS if few else SEEDS[:1] * len(tables)
    for (seed, table), colour in zip(tables.items(), colours, strict=False):
        of_set = table[table["prompts"] == prompts]
        low, high = of_set[f"{metric}_low"], of_set[f"{metric}_high"]
        axis.fill_between(of_set[x], low, high, color=colour, alpha=0.1, lw=0)
        name = f"seed {seed}" if seed else "first training"
        name = name if few else "_" if seed else "each training"  # _: not in the legend
        axis.plot(of_set[x], of_set[metric], color=colour, lw=0.9, label=name)
    # Bars of few seeds may be wider than all curves, which then set the limits.
    bottom, top = axis.get_ylim()
    axis.errorbar(
        spread[x],
        spread["mean"],
        spread["seed_half_width"],
        color=MEAN,
        fmt="o-",
        ms=3.5,
        lw=1.8,
        elinewidth=1,
        capsize=2.5,
        label="mean over trainings",
    )
    room = (top - bottom) / 2
    new_bottom, new_top = axis.get_ylim()
    axis.set_ylim(max(new_bottom, bottom - room), min(new_top, top + room))


def _legend(figure: Figure, rows: np.ndarray) -> None:
    """Above all panels, the names of the upper rows' curves, and below them of the lower rows'."""
    upper, lower = (
        list(zip(*axis.get_legend_handles_labels(), strict=True)) for axis in rows[:2, 0]
    )
    # A legend is filled column by column.
    pairs = [pair for both in zip_longest(upper, lower) for pair in both if pair]
    ncols = max(len(upper), len(lower))
    handles, labels = zip(*pairs, strict=True)
    figure.legend(handles, labels, loc="outside upper center", ncols=ncols, fontsize=8.5)


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        paths = zip(params.seeds, snakemake.input.tables, strict=True)
        figure = main(
            {seed: pd.read_csv(path) for seed, path in paths},
            pd.read_csv(snakemake.input.seeds),
            params.panels,
            params.line,
            params.confidence,
        )
        style.save(figure, *snakemake.output)
