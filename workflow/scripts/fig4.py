"""Figure 4: probabilities of words to come next after a prompt, along g1."""

import pandas as pd

from paramlerp import plotting
from paramlerp.plotting import plt
from paramlerp.runtime import job


def main(words: pd.DataFrame, prompt: str):
    """A line a word, green for the positive pole and red for the negative."""
    figure, axis = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    axis.set_yscale("log")
    colours = {"positive": plotting.POSITIVE, "negative": plotting.NEGATIVE}
    ends = []
    for (pole, word), own in words.groupby(["pole", "word"], sort=False):
        axis.plot(own["alpha"], own["probability"], "o-", color=colours[pole], ms=3, lw=1.3)
        ends.append((word, *own[["alpha", "probability"]].iloc[-1], colours[pole]))
    plotting.mark_experts(axis)
    plotting.label_ends(axis, ends)
    axis.set(
        title=f"Probability of the next word after “{prompt}”",
        xlabel="α in g₁(α) = αθ⁺ + (1−α)θ⁻",
        ylabel="P(word), log scale",
    )
    plotting.note(
        figure, "Read off the models, not sampled: no interval. Shaded: beyond the experts"
    )
    return figure


if __name__ == "__main__":
    with job(snakemake):
        figure = main(
            pd.read_csv(snakemake.input.words, keep_default_na=False), snakemake.params.prompt
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
