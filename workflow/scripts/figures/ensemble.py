"""Mixed weights and mixed logits at the same points (figure 6: g2 and ensembles).

The last panel is not in the paper. It explains the other two: it shows how far the
next-token distributions of both are apart along test text.
"""

from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import curves, style
from paramlerp.jobs.runtime import job

COLOURS = style.COLOURS[1:]


def main(
    differences: pd.DataFrame,
    kl: pd.DataFrame,
    titles: dict[str, str],
    ensembles: dict[str, str],
    line: dict,
    confidence: float,
) -> Figure:
    """A row of panels for each set of prompts, a panel for each metric, and one of the KL.

    `differences` and `kl` are the tables of `against`. `titles` is metric -> title, the
    attribute last; `ensembles` is scheme of an ensemble -> its label; `line` has the coordinate,
    its label and the name of the merged sweep. The KL belongs to no set of prompts.
    """
    sets = list(dict.fromkeys(differences["prompts"]))
    figure, rows = style.panels(len(sets), len(titles) + 1, (11, 3.4 * len(sets)))
    x, first = line["coordinate"], next(iter(ensembles))
    # Every ensemble has the same merged models beside it.
    sides = [(line["name"], "weights", first)]
    sides += [(label, "logits", scheme) for scheme, label in ensembles.items()]
    *metrics, (_, kl_title) = style.lettered(
        {**titles, "kl": "KL(ensemble ‖ merged), nats a token"}
    ).items()
    for axes, prompts in zip(rows, sets, strict=True):
        *metric_axes, kl_axis = axes
        for axis, (metric, title) in zip(metric_axes, metrics, strict=True):
            for (label, side, scheme), colour in zip(sides, cycle(COLOURS), strict=False):
                shown = (differences["prompts"] == prompts) & (differences["metric"] == metric)
                if "scheme" in differences:
                    shown &= differences["scheme"] == scheme
                curves.curve(axis, differences[shown], side, x=x, colour=colour, label=label)
            axis.set_title(title)
        metric_axes[0].set_ylim(bottom=0)
        metric_axes[0].set_ylabel(f"{prompts} prompts" if len(sets) > 1 else None)
        metric_axes[-1].set_ylim(0, 1)
        metric_axes[-1].legend(loc="lower right")
        curves.curve(kl_axis, kl, "kl", x=x, colour=style.NEUTRAL, label="")
        kl_axis.set_title(kl_title)
        kl_axis.set(ylim=(0, None), ylabel="on test text")
        for axis in axes:
            axis.set_xlabel(line["label"])
    unit = " (KL: over documents of test text)"
    style.note_intervals(figure, differences, confidence, exception=unit)
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.differences),
            pd.read_csv(snakemake.input.divergence),
            params.panels,
            params.curves,
            params.line,
            params.confidence,
        )
        style.save(figure, *snakemake.output)
