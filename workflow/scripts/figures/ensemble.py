"""Weights added up and outputs added up at the same points (figure 6: g2 and ensembles).

Beside the paper's two panels the reason: how far the two's distributions of the next
token are from each other along real sentences.
"""

from itertools import cycle

import pandas as pd

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt

COLOURS = (*plotting.COLOURS[3:], *plotting.COLOURS[:3])


def main(
    differences: pd.DataFrame,
    kl: pd.DataFrame,
    panels: dict[str, str],
    curves: dict[str, str],
    line: dict,
    confidence: float,
):
    """A row of panels for each prompt set of `differences`, merged weights and ensembles on the
    same prompts with the same random numbers; the KL is of no prompt set.

    `panels` is metric -> title, the attribute's last; `curves` is the scheme of an ensemble ->
    what it is called; `line` has the coordinate, the label and the merged sweep's name.
    """
    sets = list(dict.fromkeys(differences["prompts"]))
    size = {"figsize": (11, 3.4 * len(sets)), "layout": "constrained", "squeeze": False}
    figure, rows = plt.subplots(len(sets), len(panels) + 1, **size)
    x, first = line["coordinate"], next(iter(curves))
    drawn = [(line["name"], "weights", first)]
    drawn += [(label, "logits", scheme) for scheme, label in curves.items()]
    *titles, last = plotting.lettered(
        {**panels, "kl": "KL(ensemble ‖ merged), nats a token"}
    ).items()
    for axes, name in zip(rows, sets, strict=True):
        for axis, (metric, title) in zip(axes, titles, strict=False):
            for (label, side, scheme), colour in zip(drawn, cycle(COLOURS), strict=False):
                which = differences["prompts"] == name
                if "scheme" in differences:
                    which &= differences["scheme"] == scheme
                own = differences[which & (differences["metric"] == metric)]
                plotting.curve(axis, own, side, x=x, colour=colour, label=label)
            axis.set_title(title)
        axes[0].set_ylim(bottom=0)
        axes[0].set_ylabel(f"{name} prompts" if len(sets) > 1 else None)
        axes[-2].set_ylim(0, 1)
        axes[-2].legend(loc="lower right")
        plotting.curve(axes[-1], kl, last[0], x=x, colour=plotting.NEUTRAL, label="")
        axes[-1].set_title(last[1])
        axes[-1].set(ylim=(0, None), ylabel="on real sentences")
        for axis in axes:
            axis.set_xlabel(line["label"])
    plotting.footnote(figure, differences, confidence)
    return figure


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.differences),
            pd.read_csv(snakemake.input.divergence),
            params.panels,
            params.curves,
            params.line,
            params.confidence,
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
