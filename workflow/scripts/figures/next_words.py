"""Probabilities of the next word after a prompt, along a line (figure 4)."""

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import curves, style
from paramlerp.jobs.runtime import job


def main(words: pd.DataFrame, prompt: str, line: dict, high: str) -> Figure:
    """A curve for each word: green for the pole `high`, red for the low pole."""
    figure, ((axis,),) = style.panels(1, 1, (7.5, 4.6))
    axis.set_yscale("log")
    x, ends = line["coordinate"], []
    for (pole, word), rows in words.groupby(["pole", "word"], sort=False):
        colour = style.HIGH if pole == high else style.LOW
        axis.plot(rows[x], rows["probability"], "o-", color=colour, ms=3, lw=1.3)
        ends.append((word, *rows[[x, "probability"]].iloc[-1], colour))
    curves.mark_ends(axis, line["ends"])
    curves.label_curves(axis, ends)
    axis.set(
        title=f"Probability of the next word after “{prompt}”",
        xlabel=line["label"],
        ylabel="P(word), log scale",
    )
    remark = curves.shading(line["ends"])
    note = "read off these models, not sampled: no interval"
    style.note(figure, "; ".join(filter(None, [note, remark])))
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        params = snakemake.params
        # "null" and "None" are words, not missing values.
        words = pd.read_csv(snakemake.input.words, keep_default_na=False)
        figure = main(words, params.prompt, params.line, params.high)
        style.save(figure, *snakemake.output)
