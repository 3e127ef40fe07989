"""Figure 3: sentiment, perplexity and grammar of the texts along g1."""

from itertools import cycle

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job


def main(table: pd.DataFrame, confidence: float, grammar: str):
    """A panel a metric, a line a prompt set; `grammar` is the kind of that scorer."""
    panels = plotting.panels(grammar)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.3), layout="constrained")
    sets = list(dict.fromkeys(table["prompts"]))
    for axis, (metric, title) in zip(axes, panels.items(), strict=True):
        for name, colour in zip(sets, cycle(plotting.COLOURS), strict=False):
            own = table[table["prompts"] == name]
            plotting.curve(axis, own, metric, colour=colour, label=f"{name} prompts")
        plotting.mark_experts(axis)
        axis.set(title=title, xlabel="α in g₁(α) = αθ⁺ + (1−α)θ⁻")
    axes[0].set_ylim(0, 1)
    axes[1].set_ylim(bottom=0)
    if len(sets) > 1:
        axes[0].legend(loc="lower right")
    plotting.footnote(figure, table, confidence, "; shaded: beyond the experts")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.table),
            snakemake.params.confidence,
            snakemake.params.grammar,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
