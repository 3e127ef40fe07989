"""Curves of metrics along a line, their labels, and the marks of the checkpoints on the line."""

import pandas as pd
from matplotlib.axes import Axes

from .style import HIGH, LOW


def curve(
    axis: Axes, table: pd.DataFrame, metric: str, *, x: str, colour: str, label: str | None = None
) -> None:
    """Draw a metric against the column `x`, with its interval as a band."""
    axis.fill_between(
        table[x], table[f"{metric}_low"], table[f"{metric}_high"], color=colour, alpha=0.18, lw=0
    )
    axis.plot(table[x], table[metric], "o-", color=colour, ms=3.5, lw=1.5, label=label)


def mark_ends(axis: Axes, ends: dict[str, str]) -> None:
    """Mark the checkpoints at 0 and at 1, and shade the line where it extrapolates beyond them.

    `ends` is coordinate -> symbol of the checkpoint there; with fewer than two, nothing is drawn.
    """
    if len(ends) < 2:
        return
    low, high = axis.get_xlim()
    for start, stop in ((low, 0), (1, high)):
        axis.axvspan(start, stop, color="#000000", alpha=0.035, lw=0, zorder=0)
    axis.set_xlim(low, high)
    for (coordinate, symbol), colour in zip(sorted(ends.items()), (LOW, HIGH), strict=True):
        axis.axvline(float(coordinate), color=colour, lw=1, ls=(0, (3, 3)), zorder=1)
        axis.annotate(
            symbol,
            (float(coordinate), 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -1),
            textcoords="offset points",
            va="top",
            color=colour,
        )


def shading(ends: dict[str, str]) -> str:
    """What the shading of `mark_ends` means, for a note; nothing if there is none."""
    return f"shaded: beyond {' and '.join(ends.values())}" if len(ends) == 2 else ""


def label_curves(axis: Axes, ends: list[tuple[str, float, float, str]]) -> None:
    """Write the name of each curve to the right of its last point, tied to it by a thin line.

    `ends` has (name, x, y, colour) of each curve. Names that would overlap are moved apart.
    """
    ends = sorted(ends, key=lambda end: -end[2])
    # y may be on a log scale, so the scale comes before the limits.
    to_axes = axis.transScale + axis.transLimits
    heights = [to_axes.transform((x, y))[1] for _, x, y, _ in ends]
    line_height = 10 / (axis.get_window_extent().height * 72 / axis.figure.dpi)
    for (name, x, y, colour), height in zip(ends, spread(heights, line_height), strict=True):
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


def spread(heights: list[float], gap: float) -> list[float]:
    """Descending heights at least `gap` apart that are nearest to descending `heights`.

    Nearest in least squares, by pooling neighbours that are too close (isotonic regression).
    """
    groups: list[tuple[float, int]] = []
    for index, height in enumerate(heights):
        mean, size = height + index * gap, 1
        while groups and groups[-1][0] < mean:
            above, count = groups.pop()
            mean, size = (mean * size + above * count) / (size + count), size + count
        groups.append((mean, size))
    pooled = [mean for mean, size in groups for _ in range(size)]
    return [height - index * gap for index, height in enumerate(pooled)]
