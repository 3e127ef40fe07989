"""Scorers along a line with each training of its experts, and the two kinds of interval.

A band is the interval over prompts, on average over the trainings, around the mean over trainings;
bars are the t-interval of that mean. Thin curves are single trainings.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paramlerp.drawing import curves, findings, style
from paramlerp.jobs.runtime import job


def main(
    tables: dict[int, pd.DataFrame],
    spread: pd.DataFrame,
    titles: dict[str, str],
    line: dict,
    confidence: float,
    *,
    spoken: dict[str, str],
) -> Figure:
    """A row of panels for each set of prompts, a panel for each metric.

    `tables` is seed -> the sweep's table with that seed (0: the sweep itself), `spread` its table
    of seeds. `titles` is metric -> title, the attribute first, `spoken` what sentences call them;
    `line` has the coordinate, its label, its number and the ends.
    """
    first, x = next(iter(tables.values())), line["coordinate"]
    sets = list(dict.fromkeys(first["prompts"]))
    size = (max(3.5 * len(titles), 6), 2.5 * len(sets) + 1.3)
    figure, rows = style.panels(len(sets), len(titles), size)
    levels, letters = spread[spread["quantity"] == "level"], iter(style.LETTERS * 9)
    for prompts, axes in zip(sets, rows, strict=True):
        for axis, (metric, title) in zip(axes, titles.items(), strict=True):
            of_metric = levels[(levels["prompts"] == prompts) & (levels["metric"] == metric)]
            trainings = [table[table["prompts"] == prompts] for table in tables.values()]
            _values(axis, trainings, of_metric, metric, x, style.look(line["look"]))
            title = title if prompts == sets[0] else ""
            axis.set_title(f"({next(letters)}) {title}", fontsize=9.5)
        axes[0].set_ylim(0, 1)
        if len(sets) > 1:
            axes[0].set_ylabel(f"{prompts} prompts")
        for axis in axes:
            curves.mark_ends(axis, line["ends"])
    for axis in rows[-1]:
        axis.set_xlabel(line["label"], fontsize=9.5)
    metric = next(iter(titles))
    findings.headline(figure, headline(spread, metric, spoken[metric], line, list(tables)))
    note = (
        f"bold: mean over {len(tables)} trainings; thin: each of them; {confidence:.0%} intervals:"
        " bands, bootstrap over prompts, given the models of one training; bars, t-interval of the"
        " mean over trainings, given these prompts"
    )
    style.note(figure, "; ".join(filter(None, [note, curves.shading(line["ends"])])))
    return figure


def _values(
    axis: Axes,
    trainings: list[pd.DataFrame],
    spread: pd.DataFrame,
    metric: str,
    x: str,
    look: style.Look,
) -> None:
    """The mean over trainings with both kinds of interval, and each training as a thin curve."""
    for table in trainings:
        axis.plot(table[x], table[metric], color=style.INK, lw=0.6, alpha=0.7)
    half = spread["prompts_half_width"]
    band = (spread["mean"] - half, spread["mean"] + half)
    axis.fill_between(spread[x], *band, color=look.colour, alpha=0.22, lw=0)
    # Bars of few trainings may be wider than all curves, which then set the limits.
    bottom, top = axis.get_ylim()
    bars = {"fmt": "none", "ecolor": style.INK, "elinewidth": 1.2, "capsize": 3, "zorder": 3}
    axis.errorbar(spread[x], spread["mean"], spread["seed_half_width"], **bars)
    curves.bare(axis, spread[x], spread["mean"], look=look)
    room = (top - bottom) / 2
    new_bottom, new_top = axis.get_ylim()
    axis.set_ylim(max(new_bottom, bottom - room), min(new_top, top + room))


def headline(spread: pd.DataFrame, metric: str, name: str, line: dict, seeds: list[int]) -> str:
    """In how many trainings the metric changes as their mean does, if the t-intervals allow it."""
    neutral = f"{name} along {line['name']}, with {len(seeds)} trainings of its models"
    if len(line["ends"]) < 2:
        return neutral
    changes = spread[(spread["quantity"] == "difference") & (spread["metric"] == metric)]
    changes = changes[(changes["reference"] == 0) & (changes[line["coordinate"]] == 1)]
    found = findings.changes(
        {row.prompts: (row.mean, row.low, row.high) for row in changes.itertuples()}
    )
    if not found:
        return neutral
    each = changes[[f"seed_{seed}" for seed in seeds]].to_numpy()
    agree = int(((each > 0) == (changes[["mean"]].to_numpy() > 0)).all(axis=0).sum())
    verb, numbers = found.split(" ", 1)
    ends = " to ".join(line["ends"].values())
    return f"{name} {verb} from {ends} in {agree} of {len(seeds)} trainings: {numbers}"


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        paths = zip(params.seeds, snakemake.input.tables, strict=True)
        figure = main(
            {seed: pd.read_csv(path) for seed, path in paths},
            pd.read_csv(snakemake.input.seeds),
            params.panels,
            params.line,
            params.confidence,
            spoken=params.spoken,
        )
        style.save(figure, *snakemake.output)
