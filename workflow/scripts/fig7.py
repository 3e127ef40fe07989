"""Figure 7: sentiment and perplexity of the texts over the plane of g3."""

import pandas as pd
from matplotlib.colors import LogNorm, Normalize

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job

#: the perplexity scale ends at this many times the lowest
SPAN = 30


def main(table: pd.DataFrame):
    """A row of two heat maps for each prompt set."""
    sets = list(dict.fromkeys(table["prompts"]))
    size = {"figsize": (9.6, 4.3 * len(sets)), "layout": "constrained", "squeeze": False}
    figure, rows = plt.subplots(len(sets), 2, **size)
    for axes, name in zip(rows, sets, strict=True):
        own = table[table["prompts"] == name]
        end = f", {name} prompts" if len(sets) > 1 else ""
        plotting.plane(
            axes[0],
            own,
            "sentiment",
            norm=Normalize(0, 1),
            colours=plotting.SENTIMENT,
            label="mean probability",
        )
        axes[0].set_title(f"(a) Positive sentiment{end}")
        lowest = own["perplexity"].min()
        plotting.plane(
            axes[1],
            own,
            "perplexity",
            norm=LogNorm(lowest, min(own["perplexity"].max(), SPAN * lowest)),
            colours=plotting.COST,
            label="perplexity",
        )
        axes[1].set_title(f"(b) Perplexity{end}")
    plotting.note(figure, plotting.plane_note(table))
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(pd.read_csv(snakemake.input.table))
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
