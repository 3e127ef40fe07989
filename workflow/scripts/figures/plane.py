"""An attribute and perplexity of the texts over a plane (figure 7)."""

import pandas as pd
from matplotlib.colors import LogNorm, Normalize

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt

#: a perplexity scale ends at this many times the lowest
SPAN = 30


def main(table: pd.DataFrame, attribute: dict[str, str], judges: dict[str, str], look):
    """A row of heat maps for each prompt set; `attribute` and `judges` are metric -> title."""
    sets = list(dict.fromkeys(table["prompts"]))
    titles = plotting.lettered({**attribute, **judges})
    size = {
        "figsize": (4.8 * len(titles), 4.3 * len(sets)),
        "layout": "constrained",
        "squeeze": False,
    }
    figure, rows = plt.subplots(len(sets), len(titles), **size)
    for axes, name in zip(rows, sets, strict=True):
        own = table[table["prompts"] == name]
        end = f", {name} prompts" if len(sets) > 1 else ""
        for axis, (metric, title) in zip(axes, titles.items(), strict=True):
            how = {"norm": Normalize(0, 1), "colours": plotting.ATTRIBUTE}
            how["label"] = "mean probability"
            if metric in judges:
                lowest = own[metric].min()
                norm = LogNorm(lowest, min(own[metric].max(), SPAN * lowest))
                how = {"norm": norm, "colours": plotting.COST, "label": "perplexity"}
            plotting.plane(axis, own, metric, look, **how)
            axis.set_title(f"{title}{end}")
    plotting.note(figure, plotting.plane_note(table, look))
    return figure


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.table),
            params.attribute,
            params.judges,
            plotting.Plane(**params.plane),
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
