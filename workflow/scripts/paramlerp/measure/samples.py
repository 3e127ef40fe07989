"""Read the files of earlier jobs: sampled texts, their scores, and losses on test text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from ..jobs import files
from ..jobs.errors import UserError


@dataclass(frozen=True)
class SampleFiles:
    """The sample files of one measurement or one line: of texts, and of scores by scorer.

    Every file holds another range of samples. `losses` is one file of losses on test text, if
    the sweep measures them.
    """

    texts: Sequence[str]
    scores: dict[str, Sequence[str]]
    losses: str | None = None


@dataclass(frozen=True)
class Samples:
    """Texts, a row each, and scorer -> (its kind, its scores of the same rows)."""

    texts: pd.DataFrame
    scores: dict[str, tuple[str, pd.DataFrame]]

    def counts(self) -> dict[str, int]:
        """The number of texts, and of samples of each prompt, as columns of a table."""
        return {"n_texts": len(self.texts), "n_samples": self.texts["sample_id"].nunique()}

    def select(self, rows: pd.Series) -> "Samples":
        """The texts that a boolean column picks, with their scores."""
        return Samples(
            self.texts[rows].reset_index(drop=True),
            {
                scorer: (kind, frame[rows].reset_index(drop=True))
                for scorer, (kind, frame) in self.scores.items()
            },
        )


def sample_files(
    inputs, scorers: Iterable[str], counts: Sequence[int], prefix: str = ""
) -> list[SampleFiles]:
    """The files of each measurement (or line) among the named inputs of a rule.

    The inputs `{prefix}texts` and `{prefix}{scorer}` list the files of all measurements one
    after the other, `counts[i]` for the i-th; `{prefix}losses`, if present, one file for each.
    """

    def named(name: str) -> list[list[str]]:
        return split(inputs.get(f"{prefix}{name}", []), counts)

    texts = named("texts")
    scores = {scorer: named(scorer) for scorer in scorers}
    losses = inputs.get(f"{prefix}losses") or [None] * len(counts)
    return [
        SampleFiles(texts[i], {scorer: paths[i] for scorer, paths in scores.items()}, losses[i])
        for i in range(len(counts))
    ]


def split(paths: Iterable[str], counts: Sequence[int]) -> list[list[str]]:
    """Consecutive lists of `counts` paths; an iterator is left after the last of them."""
    remaining = iter(paths)
    return [list(islice(remaining, count)) for count in counts]


def read(paths: SampleFiles, kinds: dict[str, str]) -> Samples:
    """All samples of the files, ordered by prompt, then by sample; `kinds` is scorer -> kind."""
    rows = [row for path in paths.texts for row in files.read_jsonl(path)]
    texts = pd.DataFrame(rows)
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["prompt_id"], rows[i]["sample_id"]))
    scores = {}
    for scorer, score_paths in paths.scores.items():
        # The tagger has no score for a text without words.
        lacking = ["score"] if kinds[scorer] == "tagger" else []
        frames = [read_numbers(path, may_be_nan=lacking) for path in score_paths]
        frame = pd.concat(frames, ignore_index=True)
        # If the numbers of rows differ, the scores are of other texts, and `measure` refuses them.
        if len(frame) == len(rows):
            frame = frame.iloc[order].reset_index(drop=True)
        scores[scorer] = (kinds[scorer], frame)
    return Samples(texts.iloc[order].reset_index(drop=True), scores)


def read_numbers(path, *, may_be_nan: Sequence[str] = (), **options) -> pd.DataFrame:
    """The rows of a CSV file of scores or losses; `options` are those of `pandas.read_csv`.

    Raises UserError if a number is infinite, or NaN in a column that is not in `may_be_nan`.
    """
    frame = pd.read_csv(path, **options)
    for column, values in frame.select_dtypes("number").items():
        wrong = np.isinf(values) if column in may_be_nan else ~np.isfinite(values)
        if wrong.any():
            row = int(wrong.argmax())
            raise UserError(
                f"{path}: row {row + 1}: {column} is {values[row]}, not a finite number"
            )
    return frame


def read_line(
    paths: SampleFiles, kinds: dict[str, str], coordinate: str, values: list[str]
) -> Iterator[tuple[str, Samples, pd.DataFrame]]:
    """The points of a line from the files that hold all of them: (value, samples, losses).

    The line runs along `coordinate`. A point whose weights or logits overflowed has no rows.
    """
    losses = read_numbers(paths.losses, dtype={coordinate: str})
    samples = read(paths, kinds)
    for value in values:
        # If all points overflowed, the empty frame lacks even the column of the coordinate.
        if len(samples.texts):
            point = samples.select(samples.texts[coordinate] == value)
        else:
            point = samples
        yield value, point, losses[losses[coordinate] == value]


def losses_by_text(losses: pd.DataFrame, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The losses on each named set of test text, by their column in a table: loss_{name}."""
    return {f"loss_{name}": losses[losses["text"] == name] for name in names}
