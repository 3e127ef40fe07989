"""Scorers along two lines (figure 5: sentiment, perplexity and grammar along g1 and g2).

Each line has an x axis, the first below and the second above, aligned by a shift. The alpha of
g2 is that of g1 minus 1/2 (footnote 4 of the paper). So points above each other have moved
equally far along theta+ - theta-, and theta0 is above the middle of theta- and theta+.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paramlerp.drawing import curves, style
from paramlerp.jobs.runtime import job

COLOURS = style.COLOURS[:2]


def main(
    tables: tuple[pd.DataFrame, pd.DataFrame],
    titles: dict[str, str],
    lines: tuple[dict, dict],
    shift: float,
    confidence: float,
) -> Figure:
    """A row of panels for each set of prompts that both lines continue, a panel for each metric.

    `titles` is metric -> title, the attribute first; `lines` have their coordinates, labels,
    names and ends. `shift` is the first line's coordinate minus the second's.
    """
    first, second = tables
    sets = list(dict.fromkeys(second["prompts"]))
    figure, rows = style.panels(len(sets), len(titles), (3.7 * len(titles), 3.6 * len(sets)))
    for axes, prompts in zip(rows, sets, strict=True):
        for axis, (metric, title) in zip(axes, style.lettered(titles).items(), strict=True):
            for table, line, offset, colour in zip(tables, lines, (0, shift), COLOURS, strict=True):
                points = table[table["prompts"] == prompts]
                points = points.assign(x=points[line["coordinate"]] + offset)
                curves.curve(axis, points, metric, x="x", colour=colour, label=line["name"])
            curves.mark_ends(axis, lines[0]["ends"])
            add_upper_axis(axis, lines[1]["label"], shift)
            axis.set_xlabel(lines[0]["label"], color=COLOURS[0])
            axis.tick_params(axis="x", colors=COLOURS[0])
            axis.set_title(title, pad=8)
        axes[0].set(ylim=(0, 1), ylabel=f"{prompts} prompts" if len(sets) > 1 else None)
        for axis in axes[1:-1]:
            axis.set_ylim(bottom=0)
        axes[0].legend(loc="lower right")
    shown = pd.concat([first[first["prompts"].isin(sets)], second])
    remark = curves.shading(lines[0]["ends"])
    style.note_intervals(figure, shown, confidence, remark=remark)
    return figure


def add_upper_axis(axis: Axes, label: str, shift: float) -> None:
    """Add an x axis at the top for the second line, whose coordinate is smaller by `shift`."""
    upper = axis.secondary_xaxis("top", functions=(lambda x: x - shift, lambda x: x + shift))
    upper.set_xlabel(label, color=COLOURS[1])
    upper.tick_params(colors=COLOURS[1])


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        tables = pd.read_csv(inputs.first), pd.read_csv(inputs.second)
        figure = main(tables, params.panels, params.lines, params.shift, params.confidence)
        style.save(figure, *snakemake.output)
