"""Scorers along two lines (figure 5: sentiment, perplexity and grammar along g1 and g2).

The two have an axis each, the first's below and the second's above, lined up by a shift:
g2's alpha is g1's less 1/2 (footnote 4 of the paper), so points above each other are as far
along theta+ - theta-, and theta0 stands over the middle of theta- and theta+.
"""

import pandas as pd

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt

COLOURS = (plotting.NEUTRAL, plotting.COLOURS[3])


def main(
    first: pd.DataFrame,
    second: pd.DataFrame,
    panels: dict[str, str],
    lines: list[dict],
    shift: float,
    confidence: float,
):
    """A row of panels for each prompt set that both lines continue. `lines` have their
    coordinates, labels, names and ends."""
    sets = list(dict.fromkeys(second["prompts"]))
    titles = plotting.lettered(panels)
    size = {
        "figsize": (3.7 * len(titles), 3.6 * len(sets)),
        "layout": "constrained",
        "squeeze": False,
    }
    figure, rows = plt.subplots(len(sets), len(titles), **size)
    for axes, name in zip(rows, sets, strict=True):
        for axis, (metric, title) in zip(axes, titles.items(), strict=True):
            for table, line, moved, colour in zip(
                (first, second), lines, (0, shift), COLOURS, strict=True
            ):
                own = table[table["prompts"] == name]
                own = own.assign(place=own[line["coordinate"]] + moved)
                plotting.curve(axis, own, metric, x="place", colour=colour, label=line["name"])
            plotting.mark_ends(axis, lines[0]["ends"])
            above = axis.secondary_xaxis(
                "top", functions=(lambda x: x - shift, lambda x: x + shift)
            )
            above.set_xlabel(lines[1]["label"], color=COLOURS[1])
            above.tick_params(colors=COLOURS[1])
            axis.set_xlabel(lines[0]["label"], color=COLOURS[0])
            axis.tick_params(axis="x", colors=COLOURS[0])
            axis.set_title(title, pad=8)
        axes[0].set(ylim=(0, 1), ylabel=f"{name} prompts" if len(sets) > 1 else None)
        for axis in axes[1:-1]:
            axis.set_ylim(bottom=0)
        axes[0].legend(loc="lower right")
    shown = pd.concat([first[first["prompts"].isin(sets)], second])
    beyond = "; shaded: beyond the experts" if lines[0]["ends"] else ""
    plotting.footnote(figure, shown, confidence, beyond)
    return figure


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.first),
            pd.read_csv(snakemake.input.second),
            params.panels,
            params.lines,
            params.shift,
            params.confidence,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
