"""Scorers, distinct words and loss on the line between two models, above both models (figure 10).

A column for each pair, a row for each metric. All curves are paired differences from the mean of
the two models, with bands over all points of a line; perplexities are shown as ratios.
"""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from paramlerp.drawing import findings, planes, style
from paramlerp.jobs.runtime import job

#: letters of a line of a column's title, and of a row's
COLUMN_WIDTH, ROW_WIDTH = 21, 26
#: the barrier whose definition the curves share: above the mean of both ends
DEFINITION = "frankle"


def main(
    excess: pd.DataFrame,
    barriers: pd.DataFrame,
    n_texts: int,
    groups: dict[str, dict[str, str]],
    titles: dict[str, str],
    line: dict,
    looks: dict[str, int],
    confidence: float,
) -> Figure:
    """Pairs that start at one model are beside each other and share their scales.

    `groups` is first model -> scheme -> label, `looks` scheme -> its number; `titles` is metric ->
    title; `line` has the coordinate and its label. Only the first set of prompts is shown.
    """
    if len(excess):
        excess = excess[excess["prompts"] == excess["prompts"].iloc[0]]
    pairs = [(scheme, label) for labels in groups.values() for scheme, label in labels.items()]
    size = (1.2 + 1.9 * len(pairs), 1.7 + 1.75 * len(titles))
    figure, rows = style.panels(len(titles), len(pairs), size)
    for axes, (metric, title) in zip(rows, style.lettered(titles).items(), strict=True):
        for axis, (scheme, _) in zip(axes, pairs, strict=True):
            here = excess[(excess["scheme"] == scheme) & (excess["metric"] == metric)]
            draw(axis, here, line["coordinate"], looks[scheme])
        share_scales(axes, [len(labels) for labels in groups.values()])
        in_ratios = set(excess.loc[excess["metric"] == metric, "scale"]) == {"ln"}
        for axis in axes:
            if in_ratios:
                label_ratios(axis)
        unit = "ratio to the models" if in_ratios else "above the models"
        axes[0].set_ylabel(f"{textwrap.fill(title, ROW_WIDTH)}\n{unit}", fontsize=9)
    for column, (scheme, label) in zip(rows.T, pairs, strict=True):
        for axis, metric in zip(column, titles, strict=True):
            claim = barrier(barriers, scheme) if metric == "loss" else ""
            claim = claim or rise(excess, scheme, metric, line["coordinate"])
            name = textwrap.wrap(label, COLUMN_WIDTH) if axis is column[0] else []
            axis.set_title("\n".join([*name, *filter(None, [claim])]), fontsize=9)
    for axis in rows[-1]:
        axis.set_xlabel(line["label"], fontsize=9)
    findings.headline(figure, found(barriers, dict(pairs)) or "On the line between two models")
    style.note(
        figure,
        f"Each curve minus the mean of its two models (dashes); {n_texts} texts a point; bands:"
        f" {confidence:.0%} intervals for all points of a line at once, bootstrap over prompts"
        " (loss: over documents of test text), given these models. Pairs of one first model share"
        f" their scales.{definition(barriers)}",
    )
    return figure


def draw(axis: Axes, points: pd.DataFrame, coordinate: str, number: int) -> None:
    """One metric of one pair, with its band, a line at zero and one at each model."""
    look = style.look(number)
    axis.axhline(0, color=style.INK, lw=1)
    for end in (0, 1):
        axis.axvline(end, color=style.INK, lw=0.8, ls=(0, (3, 3)), alpha=0.6, zorder=1)
    at = points[coordinate] if len(points) else []
    low, value, high = (
        points[name] if len(points) else [] for name in ("band_low", "difference", "band_high")
    )
    axis.fill_between(at, low, high, color=look.colour, alpha=0.25, lw=0)
    axis.plot(at, value, color=look.colour, ls=look.dashes, marker=look.marker, ms=4, lw=1.5)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axis.tick_params(labelsize=8.5)


def share_scales(axes, sizes: list[int]) -> None:
    """Give neighbours of one group the same limits; only the first of them is labelled."""
    start = 0
    for size in sizes:
        group = axes[start : start + size]
        limits = np.array([axis.get_ylim() for axis in group])
        for axis in group:
            axis.set_ylim(limits[:, 0].min(), limits[:, 1].max())
            axis.tick_params(labelleft=axis is group[0])
        start += size


def label_ratios(axis: Axes) -> None:
    """Label an axis of logarithms by what they are logarithms of."""
    low, high = axis.get_ylim()
    numbers = planes.round_numbers(*np.exp([low, high]))
    if len(numbers) > 5:
        numbers = [number for number in numbers if f"{number:e}"[0] == "1"]
    axis.yaxis.set(major_locator=FixedLocator(np.log(numbers)), minor_locator=NullLocator())
    axis.yaxis.set_major_formatter(lambda value, _: f"{np.exp(value):g}×")


def of_loss(barriers: pd.DataFrame, scheme: str) -> pd.Series | None:
    """The barrier in loss on a line; None if there is none in the table, or no interval."""
    if "definition" not in barriers:
        return None
    rows = barriers[(barriers["scheme"] == scheme) & (barriers["definition"] == DEFINITION)]
    rows = rows[rows["quantity"] == "loss"].dropna(subset=["barrier", "low", "high"])
    return None if rows.empty else rows.iloc[0]


def barrier(barriers: pd.DataFrame, scheme: str) -> str:
    """The barrier in loss with its interval, as the title of a panel."""
    row = of_loss(barriers, scheme)
    return "" if row is None else f"barrier {findings.interval(row.barrier, row.low, row.high)}"


def definition(barriers: pd.DataFrame) -> str:
    """What the note says a barrier is; nothing if the table has none."""
    margins = barriers["margin"].dropna() if "margin" in barriers else []
    if not len(margins):
        return ""
    return (
        " Barrier: the largest rise above the mean of both models (Frankle et al.); none, if its"
        f" interval ends below {margins.iloc[0]:g}."
    )


def rise(excess: pd.DataFrame, scheme: str, metric: str, coordinate: str) -> str:
    """How far a ratio rises between the models at most, of the points whose bands are above 1."""
    rows = excess[(excess["scheme"] == scheme) & (excess["metric"] == metric)]
    rows = rows[rows["scale"] == "ln"]
    if rows.empty:
        return ""
    higher = rows[rows[coordinate].between(0, 1) & (rows["band_low"] > 0)]
    if higher.empty:
        return "no sure rise"
    row = higher.loc[higher["difference"].idxmax()]
    return findings.ratio(row.difference, row.band_low, row.band_high)


def found(barriers: pd.DataFrame, labels: dict[str, str]) -> str:
    """Which pairs have a barrier in loss beyond the margin, and which have one within it.

    A pair whose interval holds the margin is in neither; "" unless there are both kinds.
    """
    rows = {label: of_loss(barriers, scheme) for scheme, label in labels.items()}
    rows = {label: row for label, row in rows.items() if row is not None}
    free = [label for label, row in rows.items() if row.high < row.margin]
    blocked = [label for label, row in rows.items() if row.low > row.margin]
    if not free or not blocked:
        return ""
    others = len(labels) - len(free)
    share = f"all {others}" if len(blocked) == others else f"{len(blocked)} of the {others}"
    names = ", nor between ".join(free)
    return f"Loss has no barrier between {names}; it has one on {share} other lines."


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        table, excess, barriers = map(pd.read_csv, (inputs.table, inputs.excess, inputs.barriers))
        figure = main(
            excess,
            barriers,
            table["n_texts"].max(),
            params.groups,
            params.panels,
            params.line,
            params.looks,
            params.confidence,
        )
        style.save(figure, *snakemake.output)
