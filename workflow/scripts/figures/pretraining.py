"""Training loss and loss on held-out text of what was pretrained, step by step (figure 11)."""

from itertools import cycle

import pandas as pd

from paramlerp.jobs.runtime import job
from paramlerp.measure import plotting
from paramlerp.measure.plotting import plt


def main(losses: dict[str, pd.DataFrame], corpora: dict[str, str]):
    """A colour a model: a line of training loss, dots of validation loss."""
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, frame), colour in zip(losses.items(), cycle(plotting.COLOURS), strict=False):
        label = f"{name} on {corpora[name]}"
        axis.plot(frame["step"], frame["loss"], color=colour, lw=0.9, alpha=0.7, label=label)
        tested = frame.dropna(subset="validation_loss")
        axis.plot(tested["step"], tested["validation_loss"], "o--", color=colour, ms=4, lw=1)
    axis.set(xlabel="step", ylabel="loss, nats a token")
    axis.legend()
    plotting.note(
        figure, "Lines: batches of training text. Dots: held-out text. No band: one run each."
    )
    return figure


if __name__ == "__main__":
    with job(snakemake):
        models = snakemake.params.models
        figure = main(
            {n: pd.read_csv(p) for n, p in zip(models, snakemake.input.losses, strict=True)}, models
        )
        plotting.save(figure, snakemake.output.png, snakemake.output.svg)
