"""An attribute and perplexity of the texts over a plane (figure 7)."""

import pandas as pd
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from paramlerp.drawing import planes, style
from paramlerp.jobs.runtime import job

#: the scale of perplexity ends at this many times the lowest value
SPAN = 30


def main(
    table: pd.DataFrame,
    attribute: dict[str, str],
    perplexities: dict[str, str],
    plane: planes.Plane,
) -> Figure:
    """A row of heat maps for each set of prompts, a heat map for each metric.

    `attribute` and `perplexities` are metric -> title.
    """
    sets = list(dict.fromkeys(table["prompts"]))
    titles = style.lettered({**attribute, **perplexities})
    figure, rows = style.panels(len(sets), len(titles), (4.8 * len(titles), 4.3 * len(sets)))
    for axes, prompts in zip(rows, sets, strict=True):
        points = table[table["prompts"] == prompts]
        title_end = f", {prompts} prompts" if len(sets) > 1 else ""
        for axis, (metric, title) in zip(axes, titles.items(), strict=True):
            if metric in perplexities:
                lowest = points[metric].min()
                norm = LogNorm(lowest, min(points[metric].max(), SPAN * lowest))
                scale = {"norm": norm, "colours": planes.COST, "label": "perplexity"}
            else:
                scale = {"norm": Normalize(0, 1), "colours": planes.ATTRIBUTE}
                scale["label"] = "mean probability"
            planes.draw(axis, points, metric, plane, **scale)
            axis.set_title(f"{title}{title_end}")
    style.note(figure, planes.legend(table, plane))
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        table, plane = pd.read_csv(snakemake.input.table), planes.Plane(**params.plane)
        style.save(main(table, params.attribute, params.perplexities, plane), *snakemake.output)
