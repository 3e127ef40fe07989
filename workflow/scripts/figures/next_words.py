"""Probabilities of words to come next after a prompt, along a line (figure 4)."""

import pandas as pd

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt


def main(words: pd.DataFrame, prompt: str, line: dict, high: str):
    """A curve a word, green for the pole `high` and red for its opposite."""
    figure, axis = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    axis.set_yscale("log")
    x, ends = line["coordinate"], []
    for (pole, word), own in words.groupby(["pole", "word"], sort=False):
        colour = plotting.HIGH if pole == high else plotting.LOW
        axis.plot(own[x], own["probability"], "o-", color=colour, ms=3, lw=1.3)
        ends.append((word, *own[[x, "probability"]].iloc[-1], colour))
    plotting.mark_ends(axis, line["ends"])
    plotting.label_ends(axis, ends)
    axis.set(
        title=f"Probability of the next word after “{prompt}”",
        xlabel=line["label"],
        ylabel="P(word), log scale",
    )
    beyond = ". Shaded: beyond the experts" if line["ends"] else ""
    plotting.note(figure, f"Read off the models, not sampled: no interval{beyond}")
    return figure


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        words = pd.read_csv(snakemake.input.words, keep_default_na=False)
        figure = main(words, params.prompt, params.line, params.high)
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
