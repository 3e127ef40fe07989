"""Figure 6: weights added up (g2) and outputs added up (ensembles) at the same alpha.

Beside the paper's two panels the reason: how far the two's distributions of the next
token are from each other along real sentences.
"""

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job

NAMES = {False: "ensemble", True: "ensemble, truncated"}


def main(g2: pd.DataFrame, ensemble: pd.DataFrame, kl: pd.DataFrame, confidence: float):
    """A row of panels for each prompt set of the ensemble; the KL is of no prompt set."""
    sets = list(dict.fromkeys(ensemble["prompts"]))
    size = {"figsize": (11, 3.4 * len(sets)), "layout": "constrained", "squeeze": False}
    figure, rows = plt.subplots(len(sets), 3, **size)
    low, high = ensemble["alpha"].min(), ensemble["alpha"].max()
    curves = [("g₂", g2[g2["alpha"].between(low, high)], plotting.COLOURS[3])]
    for (truncated, own), colour in zip(
        ensemble.groupby("truncated", sort=True), plotting.COLOURS[4:], strict=False
    ):
        curves.append((NAMES[truncated], own, colour))
    panels = {
        "perplexity": "(a) Perplexity",
        "sentiment": "(b) Mean probability of positive sentiment",
    }
    for axes, name in zip(rows, sets, strict=True):
        for axis, (metric, title) in zip(axes, panels.items(), strict=False):
            for label, table, colour in curves:
                own = table[table["prompts"] == name]
                plotting.curve(axis, own, metric, colour=colour, label=label)
            axis.set_title(title)
        axes[0].set_ylim(bottom=0)
        axes[0].set_ylabel(f"{name} prompts" if len(sets) > 1 else None)
        axes[1].set_ylim(0, 1)
        axes[1].legend(loc="lower right")
        plotting.curve(axes[2], kl, "kl", colour=plotting.NEUTRAL, label="")
        axes[2].set_title("(c) KL(ensemble ‖ g₂), nats a token")
        axes[2].set(ylim=(0, None), ylabel="on real sentences")
        for axis in axes:
            axis.set_xlabel("α in θ⁰ + α(θ⁺ − θ⁻), z⁰ + α(z⁺ − z⁻)")
    more = g2.loc[g2["prompts"].isin(sets), "n_texts"].iloc[0]
    plotting.footnote(figure, ensemble, confidence, f"; g₂: {more} texts a point")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        plt.rcParams.update(plotting.STYLE)
        figure = main(
            pd.read_csv(snakemake.input.g2),
            pd.read_csv(snakemake.input.ensemble),
            pd.read_csv(snakemake.input.divergence),
            snakemake.params.confidence,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
