"""Scaled l2 differences of weights, tensor by tensor, and their ratio between pairs (figure 9).

A column for each kind of tensor, from the first layer to the last: above, how far the two models
of each pair are apart; below, how many times as far those of the other pairs as those of the first.
"""

import re

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from paramlerp.drawing import findings, style
from paramlerp.jobs.runtime import job

#: kinds of tensors, each with what their names have; the first that fits counts
KINDS = {
    "Norms": r"norm|ln_|\.ln",
    "Attention": r"attn|attention",
    "MLP": r"mlp|fc|dense|ffn",
    "Embeddings": r"embed|wte|wpe|lm_head|shared",
    "Others": "",
}
#: the columns of the figure, from left to right
ORDER = ("Embeddings", "Attention", "MLP", "Norms", "Others")
#: most names of layers below a column
TICKS = 8


def main(table: pd.DataFrame, titles: dict[str, str], looks: dict[str, int]) -> Figure:
    """`titles` is scheme -> the names of its pair, `looks` scheme -> its number.

    A dot is a tensor, a line the median of a layer. Equal tensors are left out, as the scale is
    logarithmic.
    """
    table = table[table["scheme"].isin(titles) & (table["difference"] > 0)]
    table = table.assign(kind=table["tensor"].map(kind))
    first, *others = titles
    parts = {scheme: ratios(table, first, scheme) for scheme in others}
    kinds = [name for name in ORDER if (table["kind"] == name).any()]
    count = max(len(kinds), 1)
    widths = [1 if name == "Embeddings" else 2 for name in kinds] or [1]
    rows = 1 + bool(others)
    figure = Figure(figsize=(10, 1.4 + 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, count, squeeze=False, sharey="row", width_ratios=widths)
    for column, (name, title) in zip(
        axes.T, style.lettered({k: k for k in kinds}).items(), strict=False
    ):
        here = table[table["kind"] == name]
        places = positions(here)
        for scheme, label in titles.items():
            draw(
                column[0],
                here[here["scheme"] == scheme],
                "difference",
                places,
                looks[scheme],
                label,
            )
        for scheme, part in parts.items():
            part = part[part["kind"] == name]
            draw(column[1], part, "ratio", places, looks[scheme], titles[scheme])
            column[1].axhline(1, color=style.INK, lw=1)
        column[0].set_title(title)
        for axis in column:
            axis.set_yscale("log")
            label_layers(axis, places)
    axes[0, 0].set_ylabel("‖a − b‖₂ / √(number of elements)")
    if others:
        axes[1, 0].set_ylabel("times as far apart")
        axes[1, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[0, -1].legend(loc="best", fontsize=9)
    sentences = (found(parts[s], titles[first], titles[s]) for s in others)
    if finding := " ".join(filter(None, sentences)):
        findings.headline(figure, finding)
    style.note(
        figure,
        "Small marks: tensors. Large marks and lines: the median of a layer. Nothing is sampled.",
    )
    return figure


def kind(tensor: str) -> str:
    """The kind of a tensor by its name."""
    return next(name for name, pattern in KINDS.items() if re.search(pattern, tensor.lower()))


def ratios(table: pd.DataFrame, first: str, scheme: str) -> pd.DataFrame:
    """The tensors that both pairs have, with how many times as far apart the second pair is."""
    mine, other = (table[table["scheme"] == name] for name in (scheme, first))
    both = mine.merge(other[["tensor", "difference"]], on="tensor", suffixes=("", "_first"))
    return both.assign(ratio=both["difference"] / both["difference_first"])


def found(tensors: pd.DataFrame, first: str, second: str) -> str:
    """How many times as far apart the second pair is in the median tensor; "" if not all are."""
    ratio = tensors["ratio"]
    if ratio.empty or ratio.min() <= 1:
        return ""
    return (
        f"In the median tensor, {second} are {ratio.median():.0f} times as far apart as {first}"
        f" ({ratio.min():.0f} to {ratio.max():.0f} times in all {len(ratio)} tensors)."
    )


def positions(table: pd.DataFrame) -> dict[str, int]:
    """The place of each layer, and after them of each tensor that lies in none, by its name."""
    names = [str(layer) for layer in sorted(table["layer"].dropna().unique())]
    outside = table.loc[table["layer"].isna(), "tensor"].map(short_name)
    return {name: place for place, name in enumerate([*names, *dict.fromkeys(outside)])}


def draw(
    axis: Axes, tensors: pd.DataFrame, column: str, places: dict[str, int], number: int, label: str
) -> None:
    """Dots of all tensors, and a line through the medians of the layers."""
    look = style.look(number)
    name = tensors["layer"].astype("string").fillna(tensors["tensor"].map(short_name))
    at = name.map(places).astype(int)
    axis.plot(at, tensors[column], ls="", marker=look.marker, ms=3.5, color=look.colour, alpha=0.55)
    median = tensors[column].groupby(at).median()
    axis.plot(
        median.index,
        median,
        color=look.colour,
        ls=look.dashes,
        marker=look.marker,
        ms=6,
        mec=style.INK,
        mew=0.5,
        label=label,
    )


def label_layers(axis: Axes, places: dict[str, int]) -> None:
    """Ticks at layers, at most `TICKS` of them, and at all tensors outside the layers."""
    layers = [name for name in places if name.isdigit()]
    shown = layers[:: max(1, -(-len(layers) // TICKS))] + [n for n in places if not n.isdigit()]
    axis.set_xticks([places[name] for name in shown], shown, fontsize=9)
    axis.set_xlim(-0.5, max(places.values(), default=0) + 0.5)
    if layers:
        axis.set_xlabel("layer")


def short_name(tensor: str) -> str:
    """A tensor's name without what most names share: "transformer.ln_f.weight" -> "ln_f"."""
    for prefix in ("transformer.", "model."):
        tensor = tensor.removeprefix(prefix)
    return tensor.removesuffix(".weight").removesuffix(".bias")


if __name__ == "__main__":
    with job(snakemake), style.applied():
        table = pd.read_csv(snakemake.input.table, dtype={"layer": "Int64"})
        figure = main(table, snakemake.params.titles, snakemake.params.looks)
        style.save(figure, *snakemake.output)
