"""Figures: one look for all of them."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke
from matplotlib.ticker import StrMethodFormatter

from ..jobs import files

#: of an attribute's low pole, of neither, of its high pole
LOW, NEUTRAL, HIGH = "#c1443c", "#3b5b92", "#3a8f5c"
COLOURS = (NEUTRAL, HIGH, LOW, "#8a6fb0", "#b8860b", "#2f9aa0")

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
plt.rcParams.update(STYLE)


def lettered(titles: dict[str, str]) -> dict[str, str]:
    """Metric -> title of its panel, "(a) ..."."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return {m: f"({letter}) {t}" for letter, (m, t) in zip(letters, titles.items(), strict=False)}


def footnote(figure, table: pd.DataFrame, confidence: float, more: str = "") -> None:
    """How many texts a point has, and what the bands are."""
    counts = table.groupby("prompts", sort=False)["n_texts"].unique()
    texts = " + ".join(" or ".join(map(str, sorted(own))) for own in counts)
    note(
        figure,
        f"{texts} texts a point; bands: {confidence:.0%} intervals, bootstrap over prompts{more}",
    )


def note(figure, text: str) -> None:
    """A line under a figure."""
    figure.supxlabel(text, fontsize=8, color="#666666")


def curve(axis, table: pd.DataFrame, metric: str, *, x: str, colour: str, label=None):
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


def mark_ends(axis, ends: dict[str, str]) -> None:
    """Where a line meets its ends, and, in a shade, where it goes beyond them.

    `ends` are the symbols of the models at 0 and at 1, of those that lie there.
    """
    if len(ends) < 2:
        return
    low, high = axis.get_xlim()
    for start, stop in ((low, 0), (1, high)):
        axis.axvspan(start, stop, color="#000000", alpha=0.035, lw=0, zorder=0)
    axis.set_xlim(low, high)
    for (place, name), colour in zip(sorted(ends.items()), (LOW, HIGH), strict=True):
        place = float(place)
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


#: low to high of an attribute; low to high cost, and what lies beyond the scale
ATTRIBUTE = LinearSegmentedColormap.from_list("attribute", [LOW, "#f7f3e8", HIGH])
COST = matplotlib.colormaps["viridis"].with_extremes(over="#c9c9c9")
#: what is written into a cell whose model broke
BROKEN = {"overflow": "×", "empty": "∅"}


def plane(
    axis, table: pd.DataFrame, metric: str, look: "Plane", *, norm, colours, label: str
) -> None:
    """A metric over a plane's lattice, its first coordinate to the right, with a colour bar.

    Overlays are drawn as dots in the same colours. The lines on which the coordinates sum to
    1 and to 0 and the models that lie on the plane are marked, and cells whose model broke.
    """
    x, y = look.axes
    lattice, over = (table[table["kind"] == kind] for kind in ("lattice", "overlay"))
    cells = lattice.pivot(index=y, columns=x, values=metric)
    columns, rows = cells.columns.to_numpy(), cells.index.to_numpy()
    drawn = axis.pcolormesh(edges(columns), edges(rows), cells, norm=norm, cmap=colours)
    low, high = edges(columns)[[0, -1]]
    axis.set(xlim=(low, high), ylim=edges(rows)[[0, -1]], aspect="equal")
    axis.grid(visible=False)
    ends = np.array([low, high])
    for total, style in ((1, "-"), (0, (0, (4, 3)))):
        axis.plot(ends, total - ends, color="black", lw=0.9, ls=style, zorder=2)
    ring = [withStroke(linewidth=2, foreground="#333333")]
    dots = {"s": 24, "edgecolors": "white", "linewidths": 0.9, "zorder": 3, "path_effects": ring}
    axis.scatter(over[x], over[y], c=over[metric], norm=norm, cmap=colours, **dots)
    for name, place in look.models.items():
        axis.annotate(
            name,
            place,
            xytext=(4, 4),
            textcoords="offset points",
            fontweight="bold",
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
    for state, mark in BROKEN.items():
        for _, cell in lattice[lattice["state"] == state].iterrows():
            axis.text(cell[x], cell[y], mark, ha="center", va="center")
    axis.set(xlabel=look.labels[0], ylabel=look.labels[1])
    beyond = "max" if lattice[metric].max() > norm.vmax else "neither"
    bar = axis.figure.colorbar(drawn, ax=axis, extend=beyond, label=label, fraction=0.046)
    bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    bar.ax.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))


@dataclass(frozen=True)
class Plane:
    """How a plane is labelled: its coordinates as the table and as figures call them, what they
    weigh, the models that lie on it and where, and the sweeps that are drawn over it."""

    axes: list[str]
    labels: list[str]
    sum: str
    models: dict[str, tuple[float, float]]
    over: list[str]


def edges(centres: np.ndarray) -> np.ndarray:
    """Where the cells of a lattice meet, from their ascending centres."""
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = centres[0] * 2 - middle[0], centres[-1] * 2 - middle[-1]
    return np.concatenate([[first], middle, [last]])


def plane_note(table: pd.DataFrame, look: "Plane") -> str:
    """What the marks on a plane mean."""
    note = f"Line: {look.sum} = 1. Dashes: {look.sum} = 0."
    if look.over:
        note += f" Dots: {' and '.join(look.over)}, from their own runs."
    broken = [s for s in BROKEN if (table["state"] == s).any()]
    meaning = {"overflow": "weights or logits overflow", "empty": "only empty texts"}
    return note + "".join(f" {BROKEN[s]}: {meaning[s]}." for s in broken)


def save(figure, *paths) -> None:
    """Write the figure to each path by its suffix; no dates, so that bytes are stable."""
    nothing = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
    for path in paths:
        kind = Path(path).suffix[1:]
        with files.writing(path) as beside:
            figure.savefig(beside, format=kind, metadata=nothing[kind])
    plt.close(figure)
