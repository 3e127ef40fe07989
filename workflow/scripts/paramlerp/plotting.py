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
