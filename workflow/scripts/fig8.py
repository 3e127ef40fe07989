"""Figure 8: loss on the positive and on the negative test sentences over the plane of g3."""

import pandas as pd
from matplotlib.colors import Normalize

from paramlerp import plotting
from paramlerp.names import POLES
from paramlerp.plotting import plt
from paramlerp.runtime import job

#: the scale ends this many nats above the lowest loss
SPAN = 4


def main(table: pd.DataFrame):
    """Two heat maps on one scale; losses are the same for every prompt set."""
    own = table.drop_duplicates(["kind", "scheme", "alpha", "beta"])
    columns = [f"loss_{pole}" for pole in POLES]
    lowest, highest = own[columns].min().min(), own[columns].max().max()
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.3), layout="constrained")
    for axis, pole, letter in zip(axes, POLES, "ab", strict=True):
        plotting.plane(
            axis,
            own,
            f"loss_{pole}",
            norm=Normalize(lowest, min(highest, lowest + SPAN)),
            colours=plotting.COST,
            label="nats a token",
        )
        axis.set_title(f"({letter}) Loss on {pole} test sentences")
    plotting.note(figure, plotting.plane_note(own))
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(pd.read_csv(snakemake.input.table))
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
