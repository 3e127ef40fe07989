"""Loss on each set of test text over a plane, and across its lines of equal sums (figure 8).

Losses are drawn as nats above the lowest of their map, with more colour for small differences, so
that a valley shows. The last panel has the paired differences from the points whose coordinates
sum to 1.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from paramlerp.drawing import findings, planes, style
from paramlerp.jobs.runtime import job

#: the scale ends this many nats per token above the lowest loss
SPAN = 8
#: contours, in nats per token above the lowest loss
LEVELS = [0, 0.25, 0.5, 1, 2, 4, 8]


def main(
    table: pd.DataFrame,
    sums: pd.DataFrame,
    test_texts: list[str],
    plane: planes.Plane,
    poles: dict[str, str],
    confidence: float,
) -> Figure:
    """A heat map for each set of test text, all on one scale, and the profile across the sums.

    `sums` has means by sum of coordinates; `poles` is set of test text -> "low" or "high", if it
    is text of a pole.
    """
    # Losses are the same for every set of prompts.
    points = table.drop_duplicates(["kind", "scheme", *plane.axes])
    titles = {f"loss_{name}": f"Loss on test text: {name}" for name in test_texts}
    above = points.assign(**{m: points[m] - lowest(points, m) for m in titles})
    span = min(SPAN, planes.lattice(above)[list(titles)].max().max())
    count = len(titles) + 1
    figure, (axes,) = style.panels(1, count, (3.8 * count, 4.4))
    figure.get_layout_engine().set(w_pad=0.1)
    letters = iter(style.LETTERS)
    for axis, (metric, title) in zip(axes, titles.items(), strict=False):
        planes.draw(
            axis,
            above,
            metric,
            plane,
            norm=PowerNorm(0.5, 0, max(span, LEVELS[1])),
            colours=planes.COST,
            label="nats a token above lowest" if metric == list(titles)[-1] else "",
            levels=LEVELS,
        )
        axis.set_title(f"({next(letters)}) {title}\nlowest: {lowest(points, metric):.2f}")
    profile(axes[-1], sums, test_texts, plane, poles)
    axes[-1].set_title(f"({next(letters)}) Loss by {plane.sum}")
    if finding := valley(sums, test_texts, plane):
        findings.headline(figure, finding)
    last = (
        f"({style.LETTERS[count - 1]}): means over points that differ in {plane.sum} alone, minus"
    )
    last += f" the mean at {plane.sum} = 1; bars: {confidence:.0%} for all sums at once, bootstrap"
    last += " over documents of test text, given these models."
    style.note(figure, f"{planes.legend(points, plane)} {last}")
    return figure


def lowest(points: pd.DataFrame, metric: str) -> float:
    """The lowest loss on the plane itself."""
    return planes.lattice(points)[metric].min()


def columns(name: str) -> list[str]:
    """The columns of the difference from the sum 1, and of its band."""
    return [f"loss_{name}_above{end}" for end in ("", "_band_low", "_band_high")]


def profile(
    axis: Axes,
    sums: pd.DataFrame,
    test_texts: list[str],
    plane: planes.Plane,
    poles: dict[str, str],
) -> None:
    """Draw how much higher the loss is at each sum of the coordinates than at 1."""
    colours = {"low": style.LOW, "high": style.HIGH, None: style.NEUTRAL}
    axis.axhline(0, color=style.INK, lw=1)
    for total, dashes in ((1, "-"), (0, (0, (4, 3)))):
        axis.axvline(total, color=style.INK, lw=0.9, ls=dashes)
    for index, name in enumerate(test_texts):
        value, low, high = columns(name)
        if value not in sums:
            continue
        # Losses are the same for every set of prompts.
        rows = sums.drop_duplicates("sum").sort_values("sum")
        colour, dashes = colours[poles.get(name)], style.DASHES[index % len(style.DASHES)]
        marker = style.MARKERS[index % len(style.MARKERS)]
        # Moved apart, since bands of curves so close would hide each other.
        at = rows["sum"] + (index - (len(test_texts) - 1) / 2) / 12
        axis.vlines(at, rows[low], rows[high], color=colour, lw=1.5)
        axis.plot(at, rows[value], color=colour, ls=dashes, marker=marker, ms=5, label=name)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(title="test text", fontsize=9)
    axis.set(xlabel=plane.sum, ylabel=f"nats a token above {plane.sum} = 1")


def valley(sums: pd.DataFrame, test_texts: list[str], plane: planes.Plane) -> str:
    """Where the loss is lowest, if the bands of all other sums and all test texts are above it."""
    names = [columns(name) for name in test_texts]
    if not names or names[0][0] not in sums:
        return ""
    others = sums[sums["sum"] != 1].drop_duplicates("sum")
    if len(others) < 2 or not all((others[low] > 0).all() for _, low, _ in names):
        return ""
    at_0 = others[others["sum"] == 0]
    if at_0.empty:
        return f"Loss is lowest where {plane.sum} = 1."
    rises = " and ".join(
        f"{findings.interval(*at_0.iloc[0][of_name])} ({name})"
        for name, of_name in zip(test_texts, names, strict=True)
    )
    return f"Loss is lowest where {plane.sum} = 1: at 0 it is {rises} nats a token higher."


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        table, sums = pd.read_csv(inputs.table), pd.read_csv(inputs.sums)
        plane, poles = planes.Plane(**params.plane), params.poles
        figure = main(table, sums, params.test_sets, plane, poles, params.confidence)
        style.save(figure, *snakemake.output)
