"""Training loss and validation loss of the pretrained models, step by step (figure 11)."""

from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import style
from paramlerp.jobs.runtime import job


def main(losses: dict[str, pd.DataFrame], corpora: dict[str, str]) -> Figure:
    """For each model, a curve of training loss and dots of validation loss in one colour.

    `losses` is model -> its losses, `corpora` model -> the corpus it was trained on.
    """
    figure, ((axis,),) = style.panels(1, 1, (7, 4))
    for (model, steps), colour in zip(losses.items(), cycle(style.COLOURS), strict=False):
        label = f"{model} on {corpora[model]}"
        axis.plot(steps["step"], steps["loss"], color=colour, lw=0.9, alpha=0.7, label=label)
        evaluated = steps.dropna(subset="validation_loss")
        axis.plot(evaluated["step"], evaluated["validation_loss"], "o--", color=colour, ms=4, lw=1)
    axis.set(xlabel="step", ylabel="loss, nats a token")
    axis.legend()
    style.note(
        figure, "Lines: batches of training text. Dots: held-out text. No band: one run each."
    )
    return figure


if __name__ == "__main__":
    with job(snakemake), style.applied():
        corpora = snakemake.params.corpora
        losses = map(pd.read_csv, snakemake.input.losses)
        figure = main(dict(zip(corpora, losses, strict=True)), corpora)
        style.save(figure, *snakemake.output)
