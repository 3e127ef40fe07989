"""Training loss and validation loss of the pretrained models, step by step (figure 11).

Beside the losses of two guesses without context on the same held-out text: uniform over the
vocabulary, and by the counts of tokens in the corpus. They say how much a model has learned.
"""

import pandas as pd
from matplotlib.figure import Figure

from paramlerp.drawing import findings, style
from paramlerp.jobs.runtime import job

#: the scale ends so many nats above the uniform guess
ABOVE = 0.5
#: columns of the losses of guesses -> how the figure names them
GUESSES = {"uniform_loss": "uniform: ln(vocabulary)", "unigram_loss": "counts of tokens"}


def main(
    losses: dict[str, pd.DataFrame], baselines: dict[str, pd.Series], corpora: dict[str, str]
) -> Figure:
    """A panel for each corpus: of each model a grey curve of training loss, and validation loss.

    `losses` is model -> its losses, `corpora` model -> the corpus it was trained on, and
    `baselines` corpus -> its row of the losses of guesses.
    """
    titles = style.lettered({corpus: f"Models of {corpus}" for corpus in baselines})
    figure, (axes,) = style.panels(1, len(titles), (1 + 4.2 * len(titles), 4.4))
    for axis, (corpus, title) in zip(axes, titles.items(), strict=True):
        models = [model for model, name in corpora.items() if name == corpus]
        for index, model in enumerate(models):
            steps = losses[model]
            look = style.Look(style.INK, *style.look(index)[1:])
            axis.plot(steps["step"], steps["loss"], color="#9a9a9a", ls=look.dashes, lw=0.9)
            evaluated = steps.dropna(subset="validation_loss")
            axis.plot(
                evaluated["step"],
                evaluated["validation_loss"],
                color=look.colour,
                ls=look.dashes,
                marker=look.marker,
                ms=5.5,
                mfc="none",
                lw=1.5,
                label=model,
            )
        for column, name in GUESSES.items():
            level = baselines[corpus][column]
            axis.axhline(level, color=style.INK, lw=1, ls=(0, (1, 2)))
            axis.annotate(
                f"{name}: {level:.2f}",
                (0.99, level),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                fontsize=9,
                color=style.INK,
            )
        axis.set(title=title, xlabel="step", ylabel="loss, nats a token")
        axis.legend(loc="lower left", fontsize=9)
    # A step at which training fails would hide all others.
    top = ABOVE + max(row["uniform_loss"] for row in baselines.values())
    lowest = min(axis.get_ylim()[0] for axis in axes)
    for axis in axes:
        axis.set_ylim(lowest - 0.3, top)
    cut = any((steps["loss"] > top).any() for steps in losses.values())
    if finding := found(losses, baselines, corpora):
        findings.headline(figure, finding)
    style.note(
        figure,
        "Grey: batches of training text. Marks: held-out text, on which the two guesses (dots) are"
        f" measured too. No band: one run each.{' Peaks beyond the scale are cut.' if cut else ''}",
    )
    return figure


def found(
    losses: dict[str, pd.DataFrame], baselines: dict[str, pd.Series], corpora: dict[str, str]
) -> str:
    """How far below both guesses the models' last validation losses are; "" if one is not."""
    gains = [
        min(baselines[corpora[model]][guess] for guess in GUESSES)
        - steps["validation_loss"].dropna().iloc[-1]
        for model, steps in losses.items()
    ]
    if not gains or min(gains) <= 0:
        return ""
    low, high = f"{min(gains):.2f}", f"{max(gains):.2f}"
    amount = low if low == high else f"{low} to {high}"
    return f"Held-out loss ends {amount} nats a token below the guess from counts of tokens"


if __name__ == "__main__":
    with job(snakemake), style.applied():
        inputs, corpora = snakemake.input, snakemake.params.corpora
        losses = dict(zip(corpora, map(pd.read_csv, inputs.losses), strict=True))
        guesses = (pd.read_csv(path).iloc[0] for path in inputs.baselines)
        baselines = dict(zip(dict.fromkeys(corpora.values()), guesses, strict=True))
        style.save(main(losses, baselines, corpora), *snakemake.output)
