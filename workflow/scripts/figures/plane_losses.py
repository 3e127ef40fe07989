"""Loss on each set of test text over a plane (figure 8)."""

import pandas as pd
from matplotlib.colors import Normalize

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt

#: the scale ends this many nats above the lowest loss
SPAN = 4


def main(table: pd.DataFrame, sets: list[str], look):
    """A heat map a set, on one scale; losses are the same for every prompt set."""
    own = table.drop_duplicates(["kind", "scheme", *look.axes])
    columns = [f"loss_{name}" for name in sets]
    lowest, highest = own[columns].min().min(), own[columns].max().max()
    size = {"figsize": (4.8 * len(sets), 4.3), "layout": "constrained", "squeeze": False}
    figure, (axes,) = plt.subplots(1, len(sets), **size)
    titles = plotting.lettered({f"loss_{name}": f"Loss on {name} test sentences" for name in sets})
    for axis, (metric, title) in zip(axes, titles.items(), strict=True):
        plotting.plane(
            axis,
            own,
            metric,
            look,
            norm=Normalize(lowest, min(highest, lowest + SPAN)),
            colours=plotting.COST,
            label="nats a token",
        )
        axis.set_title(title)
    plotting.note(figure, plotting.plane_note(own, look))
    return figure


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.table), params.sets, plotting.Plane(**params.plane)
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
