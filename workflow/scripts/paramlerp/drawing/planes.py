"""Heat maps of metrics over a plane of two coordinates."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.contour import ContourSet
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from .style import HIGH, INK, LOW, look

#: an attribute, from its low pole to its high pole
ATTRIBUTE = LinearSegmentedColormap.from_list("attribute", [LOW, "#f7f3e8", HIGH])
#: a cost, where lower is better; in greys, since colours mean poles and schemes
COST = LinearSegmentedColormap.from_list("cost", ["#ffffff", "#7a7a7a"]).with_extremes(over=INK)
#: state of a broken point -> (the mark in its cell, what the mark means)
BROKEN = {
    "overflow": ("×", "weights or logits overflow"),
    "empty": ("∅", "only empty texts"),
}
#: what keeps text and lines legible on any cell
HALO = withStroke(linewidth=2.2, foreground="white")


@dataclass(frozen=True)
class Plane:
    """How figures label a plane."""

    #: columns of the two coordinates in the table: to the right, upwards
    axes: list[str]
    #: labels of the two axes
    labels: list[str]
    #: the sum of both coordinates, as the note writes it
    sum: str
    #: symbol of each checkpoint on the plane -> its coordinates
    models: dict[str, tuple[float, float]]
    #: scheme whose points are drawn over the plane -> its sweep's name
    over: dict[str, str]
    #: scheme drawn over the plane -> its number, which gives its look
    looks: dict[str, int]


def draw(
    axis: Axes,
    table: pd.DataFrame,
    metric: str,
    plane: Plane,
    *,
    norm: Normalize,
    colours: Colormap,
    label: str,
    levels: list[float],
) -> None:
    """Draw a metric over a plane as cells with contours, and the points of other sweeps as dots.

    Contours run between the centres of cells at those `levels` that the metric crosses. Marks
    show the lines on which the coordinates sum to 1 and to 0, the checkpoints on the plane, and
    broken cells. `label` names the colour bar; without one there is none.
    """
    x, y = plane.axes
    points, overlay = lattice(table), on_the_map(table, plane)
    cells = points.pivot(index=y, columns=x, values=metric)
    columns, rows = cells.columns.to_numpy(), cells.index.to_numpy()
    x_edges, y_edges = edges(columns), edges(rows)
    mesh = axis.pcolormesh(x_edges, y_edges, cells, norm=norm, cmap=colours)
    x_limits = x_edges[[0, -1]]
    axis.set(xlim=x_limits, ylim=y_edges[[0, -1]], aspect="equal")
    axis.set(xticks=columns[:: step(columns)], yticks=rows[:: step(rows)])
    for of_axis in (axis.xaxis, axis.yaxis):
        of_axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.grid(visible=False)
    crossed = [level for level in levels if cells.min().min() < level < cells.max().max()]
    if crossed:
        lines = axis.contour(columns, rows, cells, levels=crossed, colors=INK, linewidths=0.8)
        marks = [np.array(list(plane.models.values())).reshape(-1, 2)]
        for _, line in overlay.groupby("scheme"):
            at = line[[x, y]].to_numpy(float)
            marks += [at, (at[1:] + at[:-1]) / 2]
        name_contours(axis, lines, np.concatenate(marks))
    for total, dashes in ((1, "-"), (0, (0, (4, 3)))):
        axis.plot(x_limits, total - x_limits, color=INK, lw=0.9, ls=dashes, zorder=2)
    draw_over(axis, overlay, metric, plane, norm, colours)
    for symbol, coordinates in plane.models.items():
        axis.annotate(
            symbol,
            coordinates,
            xytext=(5, 5),
            textcoords="offset points",
            fontweight="bold",
            path_effects=[HALO],
            zorder=6,
        )
    for state, (mark, _) in BROKEN.items():
        for _, cell in points[points["state"] == state].iterrows():
            axis.text(cell[x], cell[y], mark, ha="center", va="center", path_effects=[HALO])
    axis.set(xlabel=plane.labels[0], ylabel=plane.labels[1])
    if not label:
        return
    extend = "max" if points[metric].max() > norm.vmax else "neither"
    bar = axis.figure.colorbar(mesh, ax=axis, extend=extend, label=label, fraction=0.046)
    shown = [level for level in levels if norm.vmin <= level <= norm.vmax]
    bar.ax.yaxis.set(major_locator=FixedLocator(shown), minor_locator=NullLocator())
    bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def draw_over(
    axis: Axes,
    overlay: pd.DataFrame,
    metric: str,
    plane: Plane,
    norm: Normalize,
    colours: Colormap,
) -> None:
    """The points of other sweeps: filled by their metric, joined and edged in their own look.

    The sweep's name stands between its last two points, along the line through them.
    """
    x, y = plane.axes
    for scheme, points in overlay.groupby("scheme", sort=False):
        colour, dashes, marker = look(plane.looks[scheme])
        at = points[[x, y]].to_numpy(float)
        line = {"color": colour, "lw": 2.2, "ls": dashes, "zorder": 3}
        axis.plot(*at.T, **line, path_effects=[withStroke(linewidth=4, foreground="white")])
        fill = {"c": points[metric], "norm": norm, "cmap": colours, "marker": marker}
        axis.scatter(*at.T, **fill, s=34, edgecolors=colour, linewidths=1.6, zorder=4)
        if len(at) > 1 and (at[-1] != at[-2]).any():
            name_line(axis, at[-2], at[-1], plane.over[scheme])


def lattice(table: pd.DataFrame) -> pd.DataFrame:
    """The plane's own points."""
    return table[table["kind"] == "lattice"]


def on_the_map(table: pd.DataFrame, plane: Plane) -> pd.DataFrame:
    """The points of other sweeps that lie among the plane's own."""
    inside = table["kind"] == "overlay"
    for axis in plane.axes:
        own = lattice(table)[axis]
        inside &= table[axis].between(own.min(), own.max())
    return table[inside]


def name_contours(axis: Axes, lines: ContourSet, marks: np.ndarray) -> None:
    """Write the level of each contour on it, where it is farthest from the marks (points, 2).

    The distance to the sides of the map counts as well.
    """
    for level, segments in zip(lines.levels, lines.allsegs, strict=True):
        if not any(map(len, segments)):  # the cells on both sides of it are broken
            continue
        vertices = np.concatenate(segments)
        middles = [(s[1:] + s[:-1]) / 2 for s in segments if len(s) > 1]
        places = np.concatenate([vertices, *middles])
        gaps = np.abs(places[:, None] - marks[None]).sum(-1).min(1, initial=np.inf)
        for limits, values in zip((axis.get_xlim(), axis.get_ylim()), places.T, strict=True):
            gaps = np.minimum(gaps, np.abs(values[:, None] - np.array(limits)).min(1))
        axis.clabel(lines, [level], fmt=f"{level:g}", fontsize=8, manual=[places[gaps.argmax()]])
    for text in lines.labelTexts:
        text.set(path_effects=[HALO], zorder=5)


def name_line(axis: Axes, start: np.ndarray, end: np.ndarray, name: str) -> None:
    """Write a name beside the middle of a line between two points, along it."""
    direction = (end - start) * (1 if (end - start)[0] >= 0 else -1)
    angle = math.degrees(math.atan2(direction[1], direction[0]))
    across = np.array([-direction[1], direction[0]]) / np.hypot(*direction)
    axis.annotate(
        name,
        (start + end) / 2,
        xytext=tuple(10 * across),
        textcoords="offset points",
        ha="center",
        va="center",
        rotation=angle,
        fontweight="bold",
        color=INK,
        path_effects=[HALO],
        zorder=6,
    )


def step(centres: np.ndarray, most: int = 9) -> int:
    """Every how many-th of these cells has a tick, for at most so many ticks."""
    return math.ceil(len(centres) / most)


def round_numbers(low: float, high: float) -> list[float]:
    """The numbers 1, 2 and 5 times a power of ten from `low` to `high`, both above 0.

    None, if one of them is NaN or infinite.
    """
    if not math.isfinite(low) or not math.isfinite(high):
        return []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return [number for number in numbers if low <= number <= high]


def edges(centres: np.ndarray) -> np.ndarray:
    """The n + 1 edges of cells from their n ascending centres; n is at least 2."""
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = centres[0] * 2 - middle[0], centres[-1] * 2 - middle[-1]
    return np.concatenate([[first], middle, [last]])


def legend(table: pd.DataFrame, plane: Plane) -> str:
    """The meaning of the lines, dots and marks on a plane, in a sentence each."""
    sentences = [f"Black line: {plane.sum} = 1. Black dashes: {plane.sum} = 0."]
    sentences.append("Thin lines: contours between the centres of cells.")
    if plane.over:
        sentences.append(
            f"Marks: points of {' and '.join(plane.over.values())}, from their own runs."
        )
    for state, (mark, meaning) in BROKEN.items():
        if (table["state"] == state).any():
            sentences.append(f"{mark}: {meaning}.")
    return " ".join(sentences)
