"""Probabilities of the next word after a prompt, along a line (figure 4)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paramlerp.drawing import curves, findings, style
from paramlerp.jobs.runtime import job

#: markers of a pole's words
MARKERS = (*style.MARKERS, "<", ">", "*", "p", "h")


def main(
    words: pd.DataFrame, trends: pd.DataFrame, prompt: str, line: dict, poles: tuple[str, str]
) -> Figure:
    """A panel for the words of each pole, high pole first, and one for the log odds of the poles.

    A word's curve has the colour of its pole and a marker of its own, which is beside its name too.
    """
    x = line["coordinate"]
    figure, (axes,) = style.panels(1, 3, (11, 4.4))
    of_poles = dict(zip(poles, zip(axes, (style.HIGH, style.LOW), strict=False), strict=True))
    for pole, (axis, colour) in of_poles.items():
        _words(axis, words[words["pole"] == pole], x, colour)
    limits = [limit for axis in axes[:2] for limit in axis.get_ylim()]
    for axis in axes[:2]:
        axis.set_ylim(min(limits), max(limits))
    odds = log_odds(words, x, poles)
    curves.bare(axes[2], odds.index, odds, look=style.look(line["look"]))
    curves.zero(axes[2])
    for axis in axes:
        curves.mark_ends(axis, line["ends"])
        axis.set_xlabel(line["label"], fontsize=9.5)
    for pole, (axis, _) in of_poles.items():
        _names(axis, words[words["pole"] == pole], x)
    titles = [f"P({pole} word), log scale" for pole in poles]
    titles.append(f"Log odds of {poles[0]} words")
    axes[2].set_ylabel(f"ln P({poles[0]} words) / P({poles[1]} words)")
    for axis, letter, title in zip(axes, style.LETTERS, titles, strict=False):
        axis.set_title(f"({letter}) {title}")
    both_ends = {0, 1} <= set(words[x])
    findings.headline(figure, headline(trends if both_ends else trends[:0], prompt, line, poles))
    remarks = ["read off these models, not sampled: no interval", curves.shading(line["ends"])]
    style.note(figure, "; ".join(filter(None, remarks)))
    return figure


def log_odds(words: pd.DataFrame, x: str, poles: tuple[str, str]) -> pd.Series:
    """At each point: ln of the high pole's total probability over the low pole's."""
    totals = words.pivot_table(index=x, columns="pole", values="probability", aggfunc="sum")
    return np.log(totals[poles[0]] / totals[poles[1]])


def headline(trends: pd.DataFrame, prompt: str, line: dict, poles: tuple[str, str]) -> str:
    """How many words of each pole rise, or fall, at every step from one end to the other."""
    after = f"after “{prompt}”"
    steady = trends.groupby("pole")["monotone"].agg(["sum", "size"])
    if len(line["ends"]) < 2 or steady.empty or not steady["sum"].all():
        return f"the next word {after}"
    (high, high_all), (low, low_all) = (steady.loc[pole] for pole in poles)
    return (
        f"{after}, {high} of {high_all} {poles[0]} words become likelier and {low} of {low_all}"
        f" {poles[1]} words less likely at every step from {' to '.join(line['ends'].values())}"
    )


def _words(axis: Axes, words: pd.DataFrame, x: str, colour: str) -> None:
    axis.set_yscale("log")
    for marker, (word, rows) in zip(markers(words), words.groupby("word", sort=False), strict=True):
        look = style.Look(colour, "-", marker)
        curves.bare(axis, rows[x], rows["probability"], look=look, label=word)


def markers(words: pd.DataFrame) -> list[str]:
    """A marker for each word of a pole."""
    count = words["word"].nunique()
    return [MARKERS[i % len(MARKERS)] for i in range(count)]


def _names(axis: Axes, words: pd.DataFrame, x: str) -> None:
    ends = words.groupby("word", sort=False).last()
    named = zip(ends.index, ends[x], ends["probability"], axis.lines, strict=False)
    curves.label_curves(
        axis, [(word, at, p, line.get_color(), line.get_marker()) for word, at, p, line in named]
    )


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, params = snakemake.input, snakemake.params
        # "null" and "None" are words, not missing values.
        words, trends = (
            pd.read_csv(path, keep_default_na=False) for path in (inputs.words, inputs.word_trends)
        )
        figure = main(words, trends, params.prompt, params.line, (params.high, params.low))
        style.save(figure, *snakemake.output)
