"""Scorers along a line (figure 3: sentiment, perplexity and grammar of the texts along g1)."""

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import curves, findings, references, style
from paramlerp.jobs.runtime import job

#: the differences of a line of one point
NO_DIFFERENCES = pd.DataFrame(columns=["prompts", "metric", "reference"])


def main(
    table: pd.DataFrame,
    differences: pd.DataFrame,
    titles: dict[str, str],
    line: dict,
    confidence: float,
    *,
    spoken: dict[str, str],
    taggers: dict[str, pd.DataFrame],
) -> Figure:
    """Above, a panel for each metric; below, its paired difference from the line's reference.

    `table` and `differences` are the sweep's. `titles` is metric -> title; the attribute, which
    lies between 0 and 1, is first and perplexity second; `spoken` is what sentences call them.
    `line` has the coordinate, its label, its number and its ends; `taggers` is scorer -> its
    table of references. Sets of prompts are told apart by dashes and markers.
    """
    x, sets = line["coordinate"], list(dict.fromkeys(table["prompts"]))
    looks = [style.of_set(style.look(line["look"]), index) for index in range(len(sets))]
    figure, rows = style.panels(2, len(titles), (max(3.4 * len(titles), 5), 5.9))
    letters = iter(style.LETTERS)
    shifts = curves.dodges(table[x], len(sets))
    for axis, (metric, title) in zip(rows[0], titles.items(), strict=True):
        for prompts, look, dodge in zip(sets, looks, shifts, strict=True):
            curves.with_interval(
                axis,
                table[table["prompts"] == prompts],
                curves.of_metric(metric),
                x=x,
                look=look,
                label=f"{prompts} prompts",
                dodge=dodge,
            )
        axis.set_title(f"({next(letters)}) {title}", fontsize=9.5)
    rows[0, 0].set_ylim(0, 1)
    for axis in rows[0, 1:2]:
        axis.set_ylim(bottom=0)
    for axis, metric in zip(rows[0], titles, strict=True):
        if metric in taggers:
            references.mark(axis, taggers[metric])
    start = findings.place(line, differences["reference"].iloc[0]) if len(differences) else ""
    for axis, metric in zip(rows[1], titles, strict=True):
        of_metric = differences[differences["metric"] == metric]
        curves.zero(axis)
        for prompts, look, dodge in zip(sets, looks, shifts, strict=True):
            of_set = of_metric[of_metric["prompts"] == prompts]
            if len(of_set):
                of_set = with_reference(of_set, x)
                curves.with_interval(axis, of_set, curves.DIFFERENCE, x=x, look=look, dodge=dodge)
        found = findings.changes(between(of_metric, line)) if len(sets) == 1 else ""
        found = found and f"{found} from {' to '.join(line['ends'].values())}"
        axis.set_title(f"({next(letters)}) {found or f'Difference from {start}'}", fontsize=9.5)
        axis.set_xlabel(line["label"])
    for axis in rows.flat:
        curves.mark_ends(axis, line["ends"])
    if len(sets) > 1:
        curves.legend(rows[0, 0])
    first = next(iter(titles))
    findings.headline(figure, headline(differences, first, spoken[first], line))
    remarks = ["below: for all points of a curve at once", curves.shading(line["ends"])]
    style.note_intervals(figure, table, confidence, remark="; ".join(filter(None, remarks)))
    return figure


def with_reference(rows: pd.DataFrame, x: str) -> pd.DataFrame:
    """Differences of one curve, and the point that they are taken from, where all of them are 0."""
    there = rows.iloc[[0]].assign(**{x: rows["reference"].iloc[0]})
    there[list(curves.DIFFERENCE)] = 0.0
    return pd.concat([rows, there]).sort_values(x)


def between(of_metric: pd.DataFrame, line: dict) -> dict[str, tuple[float, float, float]]:
    """Set of prompts -> the change of a metric from one end of a line to the other, if measured.

    With its band, which holds for all points at once: a title says no more than the panels show.
    """
    if len(line["ends"]) < 2 or of_metric.empty:
        return {}
    rows = of_metric[(of_metric["reference"] == 0) & (of_metric[line["coordinate"]] == 1)]
    return {row.prompts: (row.difference, row.band_low, row.band_high) for row in rows.itertuples()}


def headline(differences: pd.DataFrame, metric: str, name: str, line: dict) -> str:
    """How the metric changes from one end to the other; without support, what is shown."""
    found = findings.changes(between(differences[differences["metric"] == metric], line))
    if not found:
        return f"{name} along {line['name']}"
    verb, numbers = found.split(" ", 1)
    a, b = line["ends"].values()
    if numbers.endswith("prompts)"):
        return f"{name} {verb} from {a} to {b}: {numbers}"
    return f"{name} {found} from {a} to {b}"


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        figure = main(
            pd.read_csv(inputs.table),
            next(map(pd.read_csv, inputs.differences), NO_DIFFERENCES),
            params.panels,
            params.line,
            params.confidence,
            spoken=params.spoken,
            taggers=references.read(params.taggers, inputs.references),
        )
        style.save(figure, *snakemake.output)
