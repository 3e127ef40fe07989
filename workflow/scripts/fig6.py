"""Figure 6: weights added up (g2) and outputs added up (ensembles) at the same alpha.

Beside the paper's two panels the reason: how far the two's distributions of the next
token are from each other along real sentences.
"""

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job

NAMES = {False: "ensemble", True: "ensemble, truncated"}


def main(pairs: pd.DataFrame, kl: pd.DataFrame, confidence: float):
    """A row of panels for each prompt set of `pairs`, g2 and ensembles on the same prompts
    with the same random numbers; the KL is of no prompt set."""
    sets = list(dict.fromkeys(pairs["prompts"]))
    size = {"figsize": (11, 3.4 * len(sets)), "layout": "constrained", "squeeze": False}
    figure, rows = plt.subplots(len(sets), 3, **size)
    kinds = sorted(set(pairs["truncated"]))
    curves = [("g₂", "g2", kinds[0])] + [(NAMES[kind], "ensemble", kind) for kind in kinds]
    panels = {
        "perplexity": "(a) Perplexity",
        "sentiment": "(b) Mean probability of positive sentiment",
    }
    for axes, name in zip(rows, sets, strict=True):
        for axis, (metric, title) in zip(axes, panels.items(), strict=False):
            for (label, side, kind), colour in zip(curves, plotting.COLOURS[3:], strict=False):
                which = (pairs["prompts"] == name) & (pairs["truncated"] == kind)
                own = pairs[which & (pairs["metric"] == metric)]
                plotting.curve(axis, own, side, colour=colour, label=label)
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
    plotting.footnote(figure, pairs, confidence)
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.pairs),
            pd.read_csv(snakemake.input.divergence),
            snakemake.params.confidence,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
