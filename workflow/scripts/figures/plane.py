"""An attribute and perplexity of the texts over a plane (figure 7).

Titles say what is found: how much the attribute differs between the first and the last point of a
line drawn over the plane, and how much perplexity differs between the points whose coordinates sum
to 0 and those whose sum is 1.
"""

import pandas as pd
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from paramlerp.drawing import findings, planes, style
from paramlerp.jobs.runtime import job

#: the scale of perplexity ends at this many times the lowest value
SPAN = 30
#: contours of a probability
LEVELS = [0, 0.2, 0.4, 0.6, 0.8, 1]


def main(
    table: pd.DataFrame,
    sums: pd.DataFrame,
    attribute: dict[str, str],
    perplexities: dict[str, str],
    plane: planes.Plane,
) -> Figure:
    """A row of heat maps for each set of prompts, a heat map for each metric.

    `attribute` and `perplexities` are metric -> title; `sums` has means by sum of coordinates.
    """
    sets = list(dict.fromkeys(table["prompts"]))
    titles = style.lettered({**attribute, **perplexities})
    figure, rows = style.panels(len(sets), len(titles), (4.8 * len(titles), 4.6 * len(sets)))
    for axes, prompts in zip(rows, sets, strict=True):
        points = table[table["prompts"] == prompts]
        of_sums = sums[sums["prompts"] == prompts]
        title_end = f", {prompts} prompts" if len(sets) > 1 else ""
        for axis, (metric, title) in zip(axes, titles.items(), strict=True):
            if metric in perplexities:
                lowest = points[metric].min()
                norm = LogNorm(lowest, min(points[metric].max(), SPAN * lowest))
                scale = {"norm": norm, "colours": planes.COST, "label": "perplexity"}
                scale["levels"] = planes.round_numbers(norm.vmin, norm.vmax)
                finding = rise_across(of_sums, metric, plane)
            else:
                scale = {"norm": Normalize(0, 1), "colours": planes.ATTRIBUTE, "levels": LEVELS}
                scale["label"] = "mean probability"
                finding = rise_along(points, metric, plane)
            planes.draw(axis, points, metric, plane, **scale)
            axis.set_title("\n".join(filter(None, [f"{title}{title_end}", finding])))
    style.note(figure, planes.legend(table, plane))
    return figure


def rise_along(points: pd.DataFrame, metric: str, plane: planes.Plane) -> str:
    """What the metric is at both ends of the line over the plane where it changes most.

    "" if no line's two intervals are apart: each is of one point, so both have to be.
    """
    best, text = 0.0, ""
    columns = [metric, f"{metric}_low", f"{metric}_high"]
    for scheme, line in planes.on_the_map(points, plane).groupby("scheme", sort=False):
        first, last = (line.iloc[i][columns].to_list() for i in (0, -1))
        apart = max(last[1] - first[2], first[1] - last[2])
        if apart > best:
            numbers = f"{findings.interval(*first)} to {findings.interval(*last)}"
            verb = "rises" if last[0] > first[0] else "falls"
            best, text = apart, f"{verb} from {numbers} along {plane.over[scheme]}"
    return text


def rise_across(sums: pd.DataFrame, metric: str, plane: planes.Plane) -> str:
    """How many times as large the metric is where the coordinates sum to 1 as where they sum to 0.

    "" if the band of the ratio holds 1, or if there are no such points.
    """
    columns = [f"{metric}_above{end}" for end in ("", "_band_low", "_band_high")]
    at_0 = sums[sums["sum"] == 0] if columns[0] in sums else sums.iloc[:0]
    if at_0.empty:
        return ""
    value, low, high = at_0.iloc[0][columns]
    times = findings.ratio(-value, -high, -low)
    return times and f"is {times} as high at {plane.sum} = 1 as at 0"


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        table, sums = pd.read_csv(inputs.table), pd.read_csv(inputs.sums)
        plane = planes.Plane(**params.plane)
        figure = main(table, sums, params.attribute, params.perplexities, plane)
        style.save(figure, *snakemake.output)
