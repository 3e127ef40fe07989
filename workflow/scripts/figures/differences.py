"""Scaled l2 differences of weights, layers as rows, parameters as columns (figure 9).

A panel for each pair of models, all on one logarithmic colour scale.
"""

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from paramlerp.drawing import style
from paramlerp.jobs.runtime import job


def main(table: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """`titles` is scheme -> title of its panel, which names the pair.

    Tensors outside the layers (embeddings, the last norm) are rows below the layers.
    """
    table = table[table["scheme"].isin(titles)]
    positive = table.loc[table["difference"] > 0, "difference"]
    norm = LogNorm(positive.min(), positive.max()) if len(positive) else LogNorm()
    figure, (axes,) = style.panels(1, len(titles), (0.5 + 5.2 * len(titles), 6.4))
    for axis, (scheme, title) in zip(axes, style.lettered(titles).items(), strict=True):
        pair = table[table["scheme"] == scheme]
        in_layers = pair.dropna(subset="layer")
        layers = in_layers.pivot(index="layer", columns="parameter", values="difference")
        layers = layers[list(dict.fromkeys(in_layers["parameter"]))]
        others = pair[pair["layer"].isna()]
        cells = np.full((len(layers) + len(others), layers.shape[1]), np.nan)
        cells[: len(layers)] = layers
        cells[len(layers) :] = others["difference"].to_numpy()[:, None]
        # A logarithmic scale has no zero, so equal tensors are left blank.
        image = axis.imshow(np.where(cells > 0, cells, np.nan), norm=norm, aspect="auto")
        axis.axhline(len(layers) - 0.5, color="white", lw=4)
        axis.grid(visible=False)
        rows = [*layers.index.astype(str), *map(short_name, others["parameter"])]
        axis.set_yticks(range(len(rows)), rows, fontsize=8)
        columns = list(map(short_name, layers.columns))
        axis.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8)
        axis.set(title=title, ylabel="layer")
    figure.colorbar(image, ax=axes, label="‖a − b‖₂ / √(number of elements)", fraction=0.046)
    style.note(figure, "Below the white line: tensors that lie in no layer. Nothing is sampled.")
    return figure


def short_name(tensor: str) -> str:
    """A tensor's name without the prefix and suffix that most names share."""
    return tensor.removeprefix("transformer.").removeprefix("model.").removesuffix(".weight")


if __name__ == "__main__":
    with job(snakemake), style.applied():
        table = pd.read_csv(snakemake.input.table, dtype={"layer": "Int64"})
        style.save(main(table, snakemake.params.titles), *snakemake.output)
