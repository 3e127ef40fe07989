"""Figure 5: sentiment, perplexity and grammar of the texts along g1 and g2.

The two have an axis of alpha each, g1's below and g2's above, lined up by
alpha' = alpha - 1/2 (footnote 4 of the paper): points above each other are as far along
theta+ - theta-, and theta0 stands over the middle of theta- and theta+.
"""

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job


def main(
    g1: pd.DataFrame,
    g2: pd.DataFrame,
    confidence: float,
    grammar: str,
    judges: dict[str, str],
):
    """A row of panels for each prompt set that both lines continue."""
    sets = list(dict.fromkeys(g2["prompts"]))
    panels = plotting.panels(grammar, judges)
    size = {
        "figsize": (3.7 * len(panels), 3.6 * len(sets)),
        "layout": "constrained",
        "squeeze": False,
    }
    figure, rows = plt.subplots(len(sets), len(panels), **size)
    for axes, name in zip(rows, sets, strict=True):
        for axis, (metric, title) in zip(axes, panels.items(), strict=True):
            for table, label, shift, colour in (
                (g1, "g₁", 0, plotting.NEUTRAL),
                (g2, "g₂", 0.5, plotting.COLOURS[3]),
            ):
                own = table[table["prompts"] == name]
                own = own.assign(place=own["alpha"] + shift)
                plotting.curve(axis, own, metric, x="place", colour=colour, label=label)
            plotting.mark_experts(axis)
            above = axis.secondary_xaxis("top", functions=(lambda x: x - 0.5, lambda x: x + 0.5))
            above.set_xlabel("α in g₂(α) = θ⁰ + α(θ⁺ − θ⁻)", color=plotting.COLOURS[3])
            above.tick_params(colors=plotting.COLOURS[3])
            axis.set_xlabel("α in g₁(α) = αθ⁺ + (1−α)θ⁻", color=plotting.NEUTRAL)
            axis.tick_params(axis="x", colors=plotting.NEUTRAL)
            axis.set_title(title, pad=8)
        axes[0].set(ylim=(0, 1), ylabel=f"{name} prompts" if len(sets) > 1 else None)
        for axis in axes[1:-1]:
            axis.set_ylim(bottom=0)
        axes[0].legend(loc="lower right")
    shown = pd.concat([g1[g1["prompts"].isin(sets)], g2])
    plotting.footnote(figure, shown, confidence, "; shaded: beyond the experts")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.g1),
            pd.read_csv(snakemake.input.g2),
            snakemake.params.confidence,
            snakemake.params.grammar,
            snakemake.params.judges,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
