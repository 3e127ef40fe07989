"""Scaled l2 differences of weights, layers as rows, parameters as columns (figure 9).

A panel a pair, all on one logarithmic colour scale.
"""

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt


def main(table: pd.DataFrame, titles: dict[str, str]):
    """A panel for each pair of models, scheme -> title. What lies in no layer (embeddings, the
    last norm) has the rows below the layers'."""
    table = table[table["scheme"].isin(titles)]
    known = table.loc[table["difference"] > 0, "difference"]
    norm = LogNorm(known.min(), known.max()) if len(known) else LogNorm()
    size = {"figsize": (0.5 + 5.2 * len(titles), 6.4), "layout": "constrained", "squeeze": False}
    figure, (axes,) = plt.subplots(1, len(titles), **size)
    for axis, (scheme, title) in zip(axes, plotting.lettered(titles).items(), strict=True):
        own = table[table["scheme"] == scheme]
        layers = own.dropna(subset="layer")
        inside = layers.pivot(index="layer", columns="parameter", values="difference")
        inside = inside[list(dict.fromkeys(layers["parameter"]))]
        outside = own[own["layer"].isna()]
        cells = np.full((len(inside) + len(outside), inside.shape[1]), np.nan)
        cells[: len(inside)] = inside
        cells[len(inside) :] = outside["difference"].to_numpy()[:, None]
        # A tensor that is the same in both has no place on a logarithmic scale.
        drawn = axis.imshow(np.where(cells > 0, cells, np.nan), norm=norm, aspect="auto")
        axis.axhline(len(inside) - 0.5, color="white", lw=4)
        axis.grid(visible=False)
        names = [*inside.index.astype(str), *(shorter(n) for n in outside["parameter"])]
        axis.set_yticks(range(len(names)), names, fontsize=8)
        columns = [shorter(name) for name in inside.columns]
        axis.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8)
        axis.set(title=title, ylabel="layer")
    figure.colorbar(drawn, ax=axes, label="‖a − b‖₂ / √(number of elements)", fraction=0.046)
    plotting.note(figure, "Below the white line: tensors that lie in no layer. Nothing is sampled.")
    return figure


def shorter(name: str) -> str:
    """A tensor's name without what all names share."""
    return name.removeprefix("transformer.").removeprefix("model.").removesuffix(".weight")


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.table, dtype={"layer": "Int64"}),
            snakemake.params.titles,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
