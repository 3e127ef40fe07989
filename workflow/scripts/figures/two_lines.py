"""Scorers along two lines, and how they differ (figure 5: sentiment, perplexity, grammar).

Each line has an x axis, the first below and the second above, aligned by a shift. The alpha of
g2 is that of g1 minus 1/2 (footnote 4 of the paper). So points above each other have moved
equally far along theta+ - theta-, and theta0 is above the middle of theta- and theta+.
"""

from collections.abc import Iterable, Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paramlerp.drawing import curves, findings, references, style
from paramlerp.jobs.runtime import job

#: the look of a difference, which belongs to neither line
GAP = style.Look(style.NEUTRAL, "-", "o")
#: a scale of the table at equal attribute -> how a difference is written
SCALES = {"ln": "ln({1} / {0})", "linear": "{1} − {0}"}


def main(
    lines: tuple[dict, dict],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    paired: pd.DataFrame,
    at_equal: pd.DataFrame,
    titles: dict[str, str],
    shift: float,
    confidence: float,
    *,
    spoken: dict[str, str],
    taggers: dict[str, pd.DataFrame],
) -> Figure:
    """Three rows of panels for each set of prompts that both lines continue.

    First each metric along both lines; then their paired differences; then the second metric
    against the first, the attribute, and the differences of the others at equal attribute.

    `tables` are of the two sweeps, `paired` and `at_equal` of the figure. `titles` is metric ->
    title, the attribute first and perplexity second, `spoken` what sentences call them. `lines`
    have their coordinates, labels, names, numbers and models. `shift` is the first line's
    coordinate minus the second's. `taggers` is scorer -> its table of references.
    """
    sets, letters = list(dict.fromkeys(tables[1]["prompts"])), iter(style.LETTERS * 9)
    n_rows = 3 if len(titles) > 1 else 2
    size = (max(3.5 * len(titles), 5), 2.85 * n_rows * len(sets) + 0.6)
    figure, rows = style.panels(n_rows * len(sets), len(titles), size)
    names = [line["name"] for line in lines]
    for number, prompts in enumerate(sets):
        levels, gaps, *equal = rows[n_rows * number : n_rows * (number + 1)]
        points = [on_first_axis(*pair, prompts) for pair in along(tables, lines, shift)]
        draw_levels(levels, points, lines, list(titles), taggers)
        for axis, title in zip(levels, titles.values(), strict=True):
            add_upper_axis(axis, lines[1]["label"], shift)
            name_panel(axis, letters, title)
        if len(sets) > 1:
            levels[0].set_ylabel(f"{prompts} prompts")
        draw_gaps(gaps, paired[paired["prompts"] == prompts], titles, "first_at")
        for axis in gaps:
            axis.set_xlim(levels[0].get_xlim())
            axis.set_xlabel(lines[0]["label"].split(" = ")[0], fontsize=9)
            name_panel(axis, letters, f"{names[1]} − {names[0]}, points above each other")
        for axes in equal:
            draw_equal(axes, points, lines, at_equal[at_equal["prompts"] == prompts], titles)
            for axis, (metric, link) in zip(axes, links(titles), strict=True):
                title = f"{findings.sentence(spoken[metric])} {link} {spoken[next(iter(titles))]}"
                name_panel(axis, letters, title)
    shown = pd.concat([tables[0][tables[0]["prompts"].isin(sets)], tables[1]])
    findings.headline(figure, headline(at_equal, list(titles), spoken, names))
    remark = f"of {names[1]} − {names[0]}: for all points of a curve at once"
    style.note_intervals(figure, shown, confidence, remark=remark)
    return figure


def draw_levels(axes, points: list, lines: tuple, metrics: list[str], taggers: dict) -> None:
    """A panel for each metric along both lines, with rings around their checkpoints."""
    for axis, metric in zip(axes, metrics, strict=True):
        for of_line, line in zip(points, lines, strict=True):
            columns, look = curves.of_metric(metric), style.look(line["look"])
            curves.with_interval(axis, of_line, columns, x="x", look=look, label=line["name"])
        if metric in taggers:
            references.mark(axis, taggers[metric])
        for of_line in points:
            curves.mark_models(axis, models(of_line, "x", metric))
        axis.set_xlabel(lines[0]["label"], fontsize=9)
    axes[0].set_ylim(0, 1)
    for axis in axes[1:2]:
        axis.set_ylim(bottom=0)
    curves.legend(axes[0])


def draw_gaps(axes, table: pd.DataFrame, metrics: Iterable[str], x: str) -> None:
    """A panel for each metric: the difference of the two lines, with its band.

    A table without rows, as of lines that share no point or level, lacks columns too.
    """
    for axis, metric in zip(axes, metrics, strict=True):
        curves.zero(axis)
        of_metric = table[table["metric"] == metric]
        if len(of_metric):
            curves.with_interval(axis, of_metric, curves.DIFFERENCE, x=x, look=GAP)


def links(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """What the panels at equal attribute show: a metric, and how it is linked to the attribute."""
    _, second, *others = metrics
    return [(second, "against"), *((metric, "at equal") for metric in (second, *others))]


def draw_equal(axes, points: list, lines: tuple, table: pd.DataFrame, titles: dict) -> None:
    """The second metric against the attribute, and differences at equal attribute."""
    attribute, *others = titles
    against(axes[0], points, lines, [attribute, others[0]])
    axes[0].set_ylabel(titles[others[0]])
    at_levels = table[table["level"] != "all"]
    at_levels = at_levels.assign(level=at_levels["level"].astype(float))
    draw_gaps(axes[1:], at_levels, others, "level")
    scales = dict(zip(table["metric"], table["scale"], strict=True))
    names = [line["name"] for line in lines]
    for axis, metric in zip(axes[1:], others, strict=True):
        axis.set_ylabel(SCALES[scales.get(metric, "linear")].format(*names))
    for axis in axes:
        axis.set_xlabel(titles[attribute], fontsize=9)


def along(tables, lines, shift: float) -> Iterator[tuple[pd.DataFrame, dict, float]]:
    """Each table with its line, and what is added to its coordinate on the first line's axis."""
    return zip(tables, lines, (0, shift), strict=True)


def on_first_axis(table: pd.DataFrame, line: dict, offset: float, prompts: str) -> pd.DataFrame:
    """The points of a line with one set of prompts: where they are drawn, and their own names."""
    points = table[table["prompts"] == prompts]
    at = points[line["coordinate"]]
    symbols = {float(point): symbol for point, symbol in line["models"].items()}
    return points.assign(x=at + offset, at=at, symbol=at.map(symbols))


def models(points: pd.DataFrame, x: str, y: str) -> dict[str, tuple[float, float]]:
    """Symbol -> place of the points that are checkpoints themselves."""
    named = points.dropna(subset="symbol")
    return {
        symbol: (a, b) for symbol, a, b in zip(named["symbol"], named[x], named[y], strict=True)
    }


def against(axis: Axes, points: list[pd.DataFrame], lines: tuple, metrics: list[str]) -> None:
    """Two metrics against each other, a dot for each point of a line; both ends have names."""
    x, y = metrics
    for of_line, line in zip(points, lines, strict=True):
        curves.bare(axis, of_line[x], of_line[y], look=style.look(line["look"]))
    axis.margins(x=0.2, y=0.15)
    axis.set_ylim(bottom=0)
    # Both lines may end at the same height and close together: one name is to the left of its dot.
    for of_line, line, side in zip(points, lines, ("right", "center"), strict=True):
        curves.mark_models(axis, models(of_line, x, y))
        others = of_line[of_line["symbol"].isna()]
        for _, end in pd.concat([others[:1], others[1:][-1:]]).iterrows():
            curves.write_beside(axis, findings.place(line, end["at"]), end[x], end[y], side)


def headline(at_equal: pd.DataFrame, metrics: list[str], spoken: dict, names: list[str]) -> str:
    """By what factor the second metric differs at equal attribute, if the intervals say so."""
    rows = at_equal[(at_equal["level"] == "all") & at_equal["metric"].isin(metrics[1:2])]
    rows = rows[rows["scale"] == "ln"]
    ratios = [findings.ratio(row.difference, row.low, row.high) for row in rows.itertuples()]
    if not ratios or not all(ratios):
        return f"{names[0]} and {names[1]}, points that have moved equally far above each other"
    if len(ratios) > 1:
        ratios = [f"{r} ({name} prompts)" for r, name in zip(ratios, rows["prompts"], strict=True)]
    return (
        f"at equal {spoken[metrics[0]]}, texts of {names[1]} have {', '.join(ratios)} the"
        f" {spoken[metrics[1]]} of texts of {names[0]}"
    )


def name_panel(axis: Axes, letters: Iterator[str], title: str) -> None:
    """Give a panel the next letter and a title."""
    axis.set_title(f"({next(letters)}) {title}", fontsize=9.5, pad=6)


def add_upper_axis(axis: Axes, label: str, shift: float) -> None:
    """Add an x axis at the top for the second line, whose coordinate is smaller by `shift`."""
    upper = axis.secondary_xaxis("top", functions=(lambda x: x - shift, lambda x: x + shift))
    upper.set_xlabel(label, fontsize=9)


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        figure = main(
            params.lines,
            (pd.read_csv(inputs.first), pd.read_csv(inputs.second)),
            pd.read_csv(inputs.paired),
            pd.read_csv(inputs.at_equal, dtype={"level": str}),
            params.panels,
            params.shift,
            params.confidence,
            spoken=params.spoken,
            taggers=references.read(params.taggers, inputs.references),
        )
        style.save(figure, *snakemake.output)
