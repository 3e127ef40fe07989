"""Mixed weights and mixed logits at the same points (figure 6: g2 and ensembles).

The panel of the KL is not in the paper. It explains the others: it shows how far the next-token
distributions of both are apart along test text.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import curves, findings, style
from paramlerp.jobs.runtime import job


def main(
    differences: pd.DataFrame,
    kl: pd.DataFrame,
    titles: dict[str, str],
    ensembles: dict[str, tuple[str, int]],
    line: dict,
    confidence: float,
    *,
    spoken: dict[str, str],
) -> Figure:
    """Two rows of panels for each set of prompts: each metric, and its paired differences.

    `differences` and `kl` are the tables of `against`. `titles` is metric -> title, the attribute
    last, `spoken` what sentences call them; `ensembles` is scheme of an ensemble -> its label and
    number; `line` has the coordinate, its label, the name of the merged sweep and its number. The
    KL belongs to no set of prompts.
    """
    if "scheme" not in differences:
        differences = differences.assign(scheme=next(iter(ensembles)))
    sets, x = list(dict.fromkeys(differences["prompts"])), line["coordinate"]
    size = (3.6 * (len(titles) + 1), 2.9 * 2 * len(sets) + 0.6)
    figure, rows = style.panels(2 * len(sets), len(titles) + 1, size)
    letters = iter(style.LETTERS * 9)
    for prompts, levels, gaps in zip(sets, rows[::2], rows[1::2], strict=True):
        of_set = differences[differences["prompts"] == prompts]
        for (metric, title), axis, below in zip(
            titles.items(), levels[:-1], gaps[:-1], strict=True
        ):
            sides = {
                scheme: of_set[(of_set["metric"] == metric) & (of_set["scheme"] == scheme)]
                for scheme in ensembles
            }
            merged = next(iter(sides.values()))  # every ensemble has the same models beside it
            look = style.look(line["look"])
            curves.bare(axis, merged[x], merged["weights"], look=look, label=line["name"])
            curves.zero(below)
            shifts = curves.dodges(merged[x], len(ensembles))
            for (scheme, (label, number)), dodge in zip(ensembles.items(), shifts, strict=True):
                points, look = sides[scheme], style.look(number)
                curves.bare(axis, points[x], points["logits"], look=look, label=label)
                curves.with_interval(below, points, curves.DIFFERENCE, x=x, look=look, dodge=dodge)
            axis.set_title(f"({next(letters)}) {title}", fontsize=9.5)
        for below, metric in zip(gaps[:-1], titles, strict=True):
            title = f"{findings.sentence(spoken[metric])}: ensemble − {line['name']}"
            below.set_title(f"({next(letters)}) {title}", fontsize=9.5)
        levels[0].set_ylim(bottom=0)
        levels[-2].set_ylim(0, 1)
        if len(sets) > 1:
            levels[0].set_ylabel(f"{prompts} prompts")
        for axis in (levels[-1], gaps[-1]):
            axis.axis("off")
    top, beside = rows[0, -1], rows[1, -1]
    top.axis("on")
    _, number = next(iter(ensembles.values()))
    curves.with_interval(top, kl, curves.of_metric("kl"), x=x, look=style.look(number))
    top.set_title(f"({next(letters)}) KL(ensemble ‖ {line['name']})", fontsize=9.5)
    top.set(ylim=(0, None), ylabel="nats a token of test text")
    handles = rows[0, 0].get_legend_handles_labels()
    beside.legend(*handles, loc="center", title="mixed weights and mixed logits")
    for axis in (*rows[:, :-1].flat, top):
        axis.set_xlabel(line["label"], fontsize=9)
    findings.headline(figure, headline(differences, ensembles, line, spoken))
    style.note_intervals(
        figure,
        differences,
        confidence,
        exception=" (KL: over documents of test text)",
        remark="of differences: for all points of a curve at once",
    )
    return figure


def headline(differences: pd.DataFrame, ensembles: dict, line: dict, spoken: dict[str, str]) -> str:
    """The largest difference in each metric that the bands are sure of, or that none is shown."""
    return f"ensembles beside {line['name']}: " + "; ".join(
        clause(differences[differences["metric"] == metric], ensembles, line, name)
        for metric, name in reversed(spoken.items())
    )


def clause(rows: pd.DataFrame, ensembles: dict, line: dict, name: str) -> str:
    """What one metric shows; without a sure difference, how large the bands let it be."""
    row = findings.largest(rows)
    if row is None:
        bound = rows[["band_low", "band_high"]].abs().max(axis=None)
        if not np.isfinite(bound):
            return f"no difference in {name} is shown"
        return f"no difference in {name} is shown (bands within ±{findings.rounded(bound)})"
    numbers = findings.change(
        *row[list(curves.DIFFERENCE)], verbs=("higher by up to", "lower by up to")
    )
    where = [findings.place(line, row[line["coordinate"]])]
    where += [ensembles[row["scheme"]][0]] if len(ensembles) > 1 else []
    where += [f"{row['prompts']} prompts"] if rows["prompts"].nunique() > 1 else []
    return f"{name} {numbers} ({', '.join(where)})"


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        figure = main(
            pd.read_csv(snakemake.input.differences),
            pd.read_csv(snakemake.input.divergence),
            params.panels,
            {scheme: (label, params.looks[scheme]) for scheme, label in params.curves.items()},
            params.line,
            params.confidence,
            spoken=params.spoken,
        )
        style.save(figure, *snakemake.output)
