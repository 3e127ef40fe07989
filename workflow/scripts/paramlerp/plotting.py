"""Figures: one look for all of them."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

from . import files

NEGATIVE, NEUTRAL, POSITIVE = "#c1443c", "#3b5b92", "#3a8f5c"
COLOURS = (NEUTRAL, POSITIVE, NEGATIVE, "#8a6fb0", "#b8860b")

STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "svg.hashsalt": "paramlerp",  # else ids in the SVG are random
    "svg.fonttype": "none",
}


def curve(axis, table: pd.DataFrame, metric: str, *, x: str = "alpha", colour: str, label=None):
    """A metric against `x` with its interval as a band."""
    axis.fill_between(
        table[x], table[f"{metric}_low"], table[f"{metric}_high"], color=colour, alpha=0.18, lw=0
    )
    axis.plot(table[x], table[metric], "o-", color=colour, ms=3.5, lw=1.5, label=label)


def label_ends(axis, ends: list[tuple[str, float, float, str]]) -> None:
    """Names of curves, right of where each ends: (name, x, y, colour), on a log axis.

    Names that would touch are moved apart, each group about its own middle, and every
    name is tied to its curve by a thin line.
    """
    ends = sorted(ends, key=lambda end: -end[2])
    to_axes = axis.transScale + axis.transLimits
    heights = [to_axes.transform((x, y))[1] for _, x, y, _ in ends]
    line = 10 / (axis.get_window_extent().height * 72 / axis.figure.dpi)
    for (name, x, y, colour), height in zip(ends, spread(heights, line), strict=True):
        axis.annotate(
            name,
            (x, y),
            xytext=(1.02, height),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 3},
            annotation_clip=False,
        )


def spread(heights: list[float], line: float) -> list[float]:
    """Falling heights at least `line` apart, as near as can be to those given (also falling).

    Least squares, by pooling neighbours that would touch (isotonic regression).
    """
    groups: list[tuple[float, int]] = []
    for place, height in enumerate(heights):
        mean, size = height + place * line, 1
        while groups and groups[-1][0] < mean:
            above, count = groups.pop()
            mean, size = (mean * size + above * count) / (size + count), size + count
        groups.append((mean, size))
    flat = [mean for mean, size in groups for _ in range(size)]
    return [height - place * line for place, height in enumerate(flat)]


def mark_experts(axis) -> None:
    """Where g1 meets its ends, and, in a shade, where it leaves the line between them."""
    low, high = axis.get_xlim()
    for start, stop in ((low, 0), (1, high)):
        axis.axvspan(start, stop, color="#000000", alpha=0.035, lw=0, zorder=0)
    axis.set_xlim(low, high)
    for place, name, colour in ((0, "θ⁻", NEGATIVE), (1, "θ⁺", POSITIVE)):
        axis.axvline(place, color=colour, lw=1, ls=(0, (3, 3)), zorder=1)
        axis.annotate(
            name,
            (place, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -1),
            textcoords="offset points",
            va="top",
            color=colour,
        )


def save(figure, *paths) -> None:
    """Write the figure to each path by its suffix; no dates, so that bytes are stable."""
    nothing = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
    for path in paths:
        kind = Path(path).suffix[1:]
        with files.writing(path) as beside:
            figure.savefig(beside, format=kind, metadata=nothing[kind])
    plt.close(figure)
