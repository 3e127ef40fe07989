"""Curves of metrics along a line, their labels, and the marks of the checkpoints on the line."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from .style import HIGH, INK, LOW, Look

#: the white edge of words over curves
EDGE = withStroke(linewidth=2.5, foreground="white")


def with_interval(
    axis: Axes,
    points: pd.DataFrame,
    columns: tuple[str, str, str],
    *,
    x: str,
    look: Look,
    label: str | None = None,
    dodge: float | None = None,
) -> None:
    """Draw one of `columns` against `x`, with an interval between the other two.

    The interval is a band; with a `dodge`, which moves points to the right by so much, it is bars:
    bands of several curves of one colour could not be told apart.
    """
    at, (value, low, high) = points[x] + (dodge or 0), (points[name] for name in columns)
    if dodge is not None:
        axis.vlines(at, low, high, color=look.colour, lw=1.1, alpha=0.8)
    else:
        axis.fill_between(at, low, high, color=look.colour, alpha=0.18, lw=0)
    bare(axis, at, value, look=look, label=label)


def bare(axis: Axes, x, y, *, look: Look, label: str | None = None) -> None:
    """Draw a curve without interval."""
    axis.plot(
        x, y, marker=look.marker, ls=look.dashes, color=look.colour, ms=4, lw=1.6, label=label
    )


def of_metric(metric: str) -> tuple[str, str, str]:
    """The columns of a metric and its interval in a sweep's table."""
    return metric, f"{metric}_low", f"{metric}_high"


#: columns of a paired difference and its band, which holds for all points at once
DIFFERENCE = ("difference", "band_low", "band_high")


def zero(axis: Axes) -> None:
    """The line on which two things do not differ."""
    axis.axhline(0, color=INK, lw=1, zorder=1)


def dodges(points: pd.Series, count: int) -> list[float | None]:
    """The `dodge` of each of `count` curves; none for a curve that is alone."""
    step = (points.max() - points.min()) / 60
    return [(i - (count - 1) / 2) * step if count > 1 else None for i in range(count)]


def legend(axis: Axes) -> None:
    """The names of an axis' curves, on white: what lies below does not cross the words."""
    axis.legend(loc="best", fontsize=8, frameon=True, edgecolor="none", framealpha=0.85)


def mark_models(axis: Axes, points: dict[str, tuple[float, float]]) -> None:
    """A ring and a symbol at the points (symbol -> x, y) that are checkpoints themselves."""
    for symbol, (x, y) in points.items():
        axis.plot(x, y, "o", ms=9, mfc="none", mec=INK, mew=1, zorder=4)
        write_beside(axis, symbol, x, y)


def write_beside(axis: Axes, text: str, x: float, y: float, align: str = "center") -> None:
    """A word above a point, with a white edge so that curves do not cross it.

    `align` is the part of the word that is above the point: "left", "center" or "right".
    """
    axis.annotate(
        text,
        (x, y),
        xytext=(0, 6),
        textcoords="offset points",
        ha=align,
        va="bottom",
        fontsize=8.5,
        color=INK,
        zorder=5,
        path_effects=[EDGE],
    )


def mark_levels(axis: Axes, levels: dict[str, float]) -> None:
    """Lines at levels to compare with, each with its name at the right, and room for all."""
    low, high = axis.get_ylim()
    lowest = min(low, *levels.values())
    axis.set_ylim(lowest - (high - lowest) / 20, high)
    for level in levels.values():
        axis.axhline(level, color=INK, lw=1, ls=(0, (1, 2)), zorder=1)
    names = axis.secondary_yaxis("right")
    names.set_yticks(list(levels.values()), list(levels), fontsize=8)
    names.spines["right"].set_visible(False)
    names.tick_params(length=0, pad=2)


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
            color=INK,
            zorder=5,
            path_effects=[EDGE],
        )


def shading(ends: dict[str, str]) -> str:
    """What the shading of `mark_ends` means, for a note; nothing if there is none."""
    return f"shaded: beyond {' and '.join(ends.values())}" if len(ends) == 2 else ""


def label_curves(axis: Axes, ends: list[tuple[str, float, float, str, str]]) -> None:
    """Write the name of each curve to the right of its last point, tied to it by a thin line.

    `ends` has (name, x, y, colour, marker) of each curve; a name has its curve's marker before it.
    Names that would overlap are moved apart.
    """
    ends = sorted(ends, key=lambda end: -end[2])
    # y may be on a log scale, so the scale comes before the limits.
    to_axes = axis.transScale + axis.transLimits
    heights = [to_axes.transform((x, y))[1] for _, x, y, *_ in ends]
    line_height = 11.5 / (axis.get_window_extent().height * 72 / axis.figure.dpi)
    for (name, x, y, colour, marker), height in zip(
        ends, spread(heights, line_height), strict=True
    ):
        axis.plot(
            1.1, height, marker, ms=4.5, color=colour, transform=axis.transAxes, clip_on=False
        )
        axis.annotate(
            "",
            (x, y),
            xytext=(1.09, height),
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.7, "shrinkA": 0, "shrinkB": 3},
            annotation_clip=False,
        )
        axis.annotate(
            name,
            (1.14, height),
            xycoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=INK,
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
