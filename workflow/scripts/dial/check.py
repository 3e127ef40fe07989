"""Whether two models mix, before any text is generated.

Models that share a basin have no barrier of the loss on the line between them (linear mode
connectivity, Frankle et al. 2020). So, in this order: do the tensors, configs and tokenizers agree,
by the headers of the files; how far apart are the weights; is the loss on a few sentences higher
between the models than at both.
"""

import math
import textwrap
from collections.abc import Iterator

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import lines, models, text_losses
from paramlerp.measure.barriers import barrier_rows
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.measure.measurement import mean_per_token
from paramlerp.weights import compatibility, distances
from paramlerp.weights.checkpoints import Checkpoint
from paramlerp.weights.families import family

#: points of (1 - alpha) model_a + alpha model_b
ALPHAS = ("0", "0.25", "0.5", "0.75", "1")
#: a model whose loss is more than this share of a uniform guess's has not learned the text
KNOWS = 0.9
NO_LOSSES = pd.DataFrame(columns=["alpha", "loss", "loss_low", "loss_high"])
WIDTH = 80


def between(
    directories: dict[str, str], sentences: list[str], max_tokens: int, bootstrap: Bootstrap, log
) -> tuple[dict[str, Estimate], pd.DataFrame]:
    """alpha -> the loss there, in nats a token, and a table of them.

    `directories` is name -> HF directory of the two models. The sentence is the unit. A point whose
    weights or losses hold NaN or Inf is missing. Raises UserError for models whose logits are not
    those of a plain LM head.
    """
    a, b = directories
    points = {alpha: {a: str(1 - float(alpha)), b: alpha} for alpha in ALPHAS}
    texts = {"check": [{"text": s, "document": str(i)} for i, s in enumerate(sentences)]}
    progress, losses = Progress(len(points), "points"), {}

    def measure(model, tokenizer) -> pd.DataFrame:
        if not losses:
            models.require_plain_head(model, directories[a])
        return pd.DataFrame(text_losses.measure_losses(model, tokenizer, texts, max_tokens))

    for alpha, frame in lines.map_points(directories, points, measure, log):
        losses[alpha] = mean_per_token(frame, "nll", bootstrap)
        progress(ALPHAS.index(alpha) + 1)
    rows = [{"alpha": alpha, **estimate.columns("loss")} for alpha, estimate in losses.items()]
    return losses, pd.DataFrame(rows, columns=NO_LOSSES.columns)


def by_tensor(apart: dict[str, distances.Distance]) -> pd.DataFrame:
    """A row for each tensor, and one for all."""
    total = sum(apart.values(), distances.Distance(0, 0.0, 0.0, 0.0))
    return pd.DataFrame(
        {
            "tensor": name,
            "elements": distance.size,
            "rms_difference": distance.rms,
            "relative_distance": distance.relative,
            "cosine": distance.cosine,
        }
        for name, distance in {"all": total, **apart}.items()
    )


def describe_distances(table: pd.DataFrame) -> Iterator[str]:
    """The distance of all weights and of the tensors that are farthest apart."""
    whole, tensors = table.iloc[0], table.iloc[1:]
    yield (
        f"Their weights are {whole['relative_distance']:.3f} of their own size apart (0: equal;"
        f" 1.414: no more alike than random weights), at a cosine of {whole['cosine']:.4f}."
    )
    farthest = tensors.nlargest(3, "relative_distance")
    if len(farthest) and farthest.iloc[0]["relative_distance"] > 0:
        names = ", ".join(f"{r.tensor} ({r.relative_distance:.3f})" for r in farthest.itertuples())
        yield f"Farthest apart: {names}."


def verdict(losses: dict[str, Estimate], guess: float, bootstrap: Bootstrap, margin: float) -> str:
    """Whether the loss between the models stays within the margin of the line between theirs.

    `guess` is the loss of a uniform guess among all tokens, in nats.
    """
    broken = [name for name, alpha in (("model_a", "0"), ("model_b", "1")) if alpha not in losses]
    if broken:
        return f"CANNOT TELL: weights or losses of {' and '.join(broken)} itself are not finite."
    if losses.keys() != set(ALPHAS):
        missing = ", ".join(a for a in ALPHAS if a not in losses)
        return f"NO, they do not mix: weights or losses at α = {missing} are not finite."
    untaught = [
        n for n, a in (("model_a", "0"), ("model_b", "1")) if losses[a].value > KNOWS * guess
    ]
    if untaught:
        return (
            f"CANNOT TELL: the loss of {' and '.join(untaught)} is hardly below that of a guess"
            f" ({guess:.2f}), and a model that knows nothing has no barrier."
        )
    rows = barrier_rows({}, losses, bootstrap, margin)
    barrier = next(row for row in rows if row["definition"] == "entezari")
    measured = (
        f"between them the loss rises by up to {barrier['barrier']:.3f}"
        f" [{barrier['low']:.3f}, {barrier['high']:.3f}] nats a token above the straight line"
        f" from one to the other (margin: {margin:g})"
    )
    if barrier["within_margin"]:
        return f"YES, they mix: {measured}."
    if barrier["low"] > margin:
        return f"NO, they do not mix: {measured}, most at α = {barrier['at']}."
    return f"CANNOT TELL from so few sentences: {measured}."


def page(directories: dict[str, str], paragraphs: list[str]) -> str:
    """The report, for a terminal."""
    lines = [f"{name} = {directory}" for name, directory in directories.items()]
    for paragraph in paragraphs:
        lines.append("")
        for line in paragraph.splitlines():
            # Paths and names of tensors stay whole.
            lines += textwrap.wrap(
                line,
                WIDTH,
                break_long_words=False,
                break_on_hyphens=False,
                replace_whitespace=False,
            )
    return "\n".join(lines) + "\n"


def describe_losses(losses: dict[str, Estimate], count: int, confidence: float) -> str:
    """The loss at each alpha, a line each."""
    lines = [
        f"Loss on {count} sentences along (1−α)·a + α·b, nats a token, {confidence:.0%} intervals:"
    ]
    for alpha, e in losses.items():
        lines.append(f"  α = {alpha:<4}  {e.value:6.3f} [{e.low:.3f}, {e.high:.3f}]")
    return "\n".join(lines)


def main(
    directories: dict[str, str],
    sentences: list[str],
    max_tokens: int,
    bootstrap: Bootstrap,
    margin: float,
    log,
) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    """The report, the table of distances, and the table of losses along the line.

    Tables that were not reached are empty. Raises UserError if a directory cannot be read.
    """
    pair = [Checkpoint(directory) for directory in directories.values()]
    if difference := compatibility.difference(*pair):
        text = f"NO, not as they are: {difference}."
        if "tensor" in difference:
            text += (
                " If only the names or the number format differ, they may mix once the workflow has"
                " converted both (as `sources`)."
            )
        return page(directories, [text]), by_tensor({})[:0], NO_LOSSES
    table = by_tensor(distances.by_tensor(*pair))
    paragraphs = [
        f"All {len(pair[0].tensors)} tensors have the same names, shapes and dtypes; the configs"
        " and the tokenizers agree.",
        " ".join(describe_distances(table)),
    ]
    kind = family(pair[0].directory)
    if kind is None or kind.name != "causal_lm":
        paragraphs.append(
            "CANNOT TELL: they are no causal language models, so no loss of text was measured."
        )
        return page(directories, paragraphs), table, NO_LOSSES
    try:
        losses, loss_table = between(directories, sentences, max_tokens, bootstrap, log)
    except UserError as error:
        return page(directories, [*paragraphs, f"CANNOT TELL: {error}."]), table, NO_LOSSES
    vocabulary = files.read_json(pair[0].directory / "config.json")["vocab_size"]
    paragraphs += [
        describe_losses(losses, len(sentences), bootstrap.confidence),
        verdict(losses, math.log(vocabulary), bootstrap, margin),
    ]
    return page(directories, paragraphs), table, loss_table


def two_directories(models: dict[str, dict]) -> dict[str, str]:
    """The directories to compare. Raises UserError unless the config names two HF directories."""
    for key, model in models.items():
        directory = model["directory"]
        if directory is None:
            raise UserError(
                f"config: {key}: check needs two models: --config model_a=DIR model_b=DIR"
            )
        if "config.json" not in model["files"]:
            raise UserError(
                f"config: {key}: {directory}: no HF directory that can be read: no config.json"
            )
    return {key: model["directory"] for key, model in models.items()}


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        text, distance_table, loss_table = main(
            two_directories(params.models),
            params.sentences,
            params.max_tokens,
            Bootstrap(**params.statistics, seed=params.seed),
            params.margin,
            log,
        )
        files.write_frame(snakemake.output.distances, distance_table)
        files.write_frame(snakemake.output.losses, loss_table)
        files.write_text(snakemake.output.page, text)
