"""Loss on each set of test text over a plane (figure 8)."""

import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from paramlerp.drawing import planes, style
from paramlerp.jobs.runtime import job

#: the scale ends this many nats per token above the lowest loss
SPAN = 4


def main(table: pd.DataFrame, test_texts: list[str], plane: planes.Plane) -> Figure:
    """A heat map for each set of test text, all on one scale."""
    # Losses are the same for every set of prompts.
    points = table.drop_duplicates(["kind", "scheme", *plane.axes])
    titles = {f"loss_{name}": f"Loss on the test text of {name}" for name in test_texts}
    losses = points[list(titles)]
    lowest, highest = losses.min().min(), losses.max().max()
    figure, (axes,) = style.panels(1, len(titles), (4.8 * len(titles), 4.3))
    for axis, (metric, title) in zip(axes, style.lettered(titles).items(), strict=True):
        planes.draw(
            axis,
            points,
            metric,
            plane,
            norm=Normalize(lowest, min(highest, lowest + SPAN)),
            colours=planes.COST,
            label="nats a token",
        )
        axis.set_title(title)
    style.note(figure, planes.legend(points, plane))
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        table, plane = pd.read_csv(snakemake.input.table), planes.Plane(**params.plane)
        style.save(main(table, params.test_sets, plane), *snakemake.output)
