"""Heat maps of metrics over a plane of two coordinates."""

from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.patheffects import withStroke
from matplotlib.ticker import StrMethodFormatter

from .style import HIGH, LOW

#: an attribute, from its low pole to its high pole
ATTRIBUTE = LinearSegmentedColormap.from_list("attribute", [LOW, "#f7f3e8", HIGH])
#: a cost, where lower is better; values beyond the end of the scale are grey
COST = matplotlib.colormaps["viridis"].with_extremes(over="#c9c9c9")
#: state of a broken point -> (the mark in its cell, what the mark means)
BROKEN = {
    "overflow": ("×", "weights or logits overflow"),
    "empty": ("∅", "only empty texts"),
}


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
    #: names of the sweeps whose points are drawn over the plane
    over: list[str]


def draw(
    axis: Axes,
    table: pd.DataFrame,
    metric: str,
    plane: Plane,
    *,
    norm: Normalize,
    colours: Colormap,
    label: str,
) -> None:
    """Draw a metric over a plane as cells, and the points of other sweeps as dots.

    Marks show the lines on which the coordinates sum to 1 and to 0, the checkpoints on the
    plane, and broken cells. `label` names the colour bar.
    """
    x, y = plane.axes
    points, overlay = (table[table["kind"] == kind] for kind in ("lattice", "overlay"))
    cells = points.pivot(index=y, columns=x, values=metric)
    x_edges, y_edges = edges(cells.columns.to_numpy()), edges(cells.index.to_numpy())
    mesh = axis.pcolormesh(x_edges, y_edges, cells, norm=norm, cmap=colours)
    x_limits = x_edges[[0, -1]]
    axis.set(xlim=x_limits, ylim=y_edges[[0, -1]], aspect="equal")
    axis.grid(visible=False)
    for total, style in ((1, "-"), (0, (0, (4, 3)))):
        axis.plot(x_limits, total - x_limits, color="black", lw=0.9, ls=style, zorder=2)
    axis.scatter(
        overlay[x],
        overlay[y],
        c=overlay[metric],
        norm=norm,
        cmap=colours,
        s=24,
        edgecolors="white",
        linewidths=0.9,
        zorder=3,
        path_effects=[withStroke(linewidth=2, foreground="#333333")],
    )
    for symbol, coordinates in plane.models.items():
        axis.annotate(
            symbol,
            coordinates,
            xytext=(4, 4),
            textcoords="offset points",
            fontweight="bold",
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
    for state, (mark, _) in BROKEN.items():
        for _, cell in points[points["state"] == state].iterrows():
            axis.text(cell[x], cell[y], mark, ha="center", va="center")
    axis.set(xlabel=plane.labels[0], ylabel=plane.labels[1])
    extend = "max" if points[metric].max() > norm.vmax else "neither"
    bar = axis.figure.colorbar(mesh, ax=axis, extend=extend, label=label, fraction=0.046)
    bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    bar.ax.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))


def edges(centres: np.ndarray) -> np.ndarray:
    """The n + 1 edges of cells from their n ascending centres; n is at least 2."""
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = centres[0] * 2 - middle[0], centres[-1] * 2 - middle[-1]
    return np.concatenate([[first], middle, [last]])


def legend(table: pd.DataFrame, plane: Plane) -> str:
    """The meaning of the lines, dots and marks on a plane, in a sentence each."""
    sentences = [f"Line: {plane.sum} = 1.", f"Dashes: {plane.sum} = 0."]
    if plane.over:
        sentences.append(f"Dots: {' and '.join(plane.over)}, from their own runs.")
    for state, (mark, meaning) in BROKEN.items():
        if (table["state"] == state).any():
            sentences.append(f"{mark}: {meaning}.")
    return " ".join(sentences)
