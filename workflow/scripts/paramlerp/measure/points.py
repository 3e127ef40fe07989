"""What was measured at a point of weight space, with intervals, and how two points differ."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from ..jobs import files
from ..jobs.errors import UserError
from . import metrics, statistics


@dataclass(frozen=True)
class Point:
    """Where it is, its texts, their scores, and every metric's estimate."""

    where: dict
    texts: pd.DataFrame
    found: dict[str, tuple[metrics.Metric, statistics.Estimate]]

    def row(self) -> dict:
        row = dict(self.where)
        for name, (_, e) in self.found.items():
            row |= columns(name, e)
        empty = int((self.texts["text"].str.strip() == "").sum())
        return {**row, "n_texts": len(self.texts), "n_empty": empty}


def columns(name: str, e: statistics.Estimate) -> dict[str, float]:
    """A figure and its interval as three columns of a table."""
    return {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}


Scores = dict[str, tuple[str, pd.DataFrame]]


def grouped(paths: Iterable[str], sizes: Sequence[int]) -> list[list[str]]:
    """Paths, one after the other, as lists of these sizes; an iterator goes on behind them."""
    ahead = iter(paths)
    return [list(islice(ahead, size)) for size in sizes]


def read(
    texts: Sequence[str], scores: dict[str, Sequence[str]], kinds: dict[str, str]
) -> tuple[pd.DataFrame, Scores]:
    """The files of a point's texts and of its scores (scorer -> paths; scorer -> kind).

    Files hold different samples; rows come in the order of prompts, then of samples.
    """
    rows = [row for path in texts for row in files.read_jsonl(path)]
    frame = pd.DataFrame(rows)
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["prompt_id"], rows[i]["sample_id"]))
    found = {}
    for name, paths in scores.items():
        parts = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
        # Of other texts than these: `measure` says so.
        own = parts.iloc[order].reset_index(drop=True) if len(parts) == len(rows) else parts
        found[name] = (kinds[name], own)
    return frame.iloc[order].reset_index(drop=True), found


def some(which: pd.Series, texts: pd.DataFrame, scores: Scores) -> tuple[pd.DataFrame, Scores]:
    """Some of the texts, and their scores."""
    return (
        texts[which].reset_index(drop=True),
        {name: (kind, f[which].reset_index(drop=True)) for name, (kind, f) in scores.items()},
    )


def measure(where: dict, texts: pd.DataFrame, scores: Scores, how: dict, seed) -> Point:
    """Estimate every metric of these texts; the prompt is the unit.

    Raises UserError if scores are of other texts.
    """
    weights = statistics.resamples(texts["prompt_id"].nunique(), how["resamples"], seed)
    try:
        found = metrics.table_metrics(texts, scores)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    return Point(
        where,
        texts,
        {m.name: (m, statistics.estimate(m.of(weights), how["confidence"])) for m in found},
    )


def mean_over(frame: pd.DataFrame, column: str, how: dict, seed) -> statistics.Estimate:
    """Mean of a column of sums per token over a file of sentences; the sentence is the unit."""
    weights = statistics.resamples(len(frame), how["resamples"], seed)
    mean = statistics.ratio(weights, frame[column].to_numpy(), frame["n_tokens"].to_numpy())
    return statistics.estimate(mean, how["confidence"])


def a_point(where: dict, texts, scores: Scores, losses: dict[str, pd.DataFrame], how: dict, seed):
    """A point that may have broken: its row of a table, and the estimates behind it by name.

    `losses` is column -> a file of sentences. `state` is "overflow" if there are no texts or no
    losses where there should be (NaN or Inf in weights, logits or losses), "empty" if all
    texts are, else "ok".
    """
    found = {}
    if len(texts) and all(map(len, losses.values())):
        point = measure(where, texts, scores, how, seed)
        row = point.row()
        found = {name: estimate for name, (_, estimate) in point.found.items()}
        state = "empty" if row["n_empty"] == row["n_texts"] else "ok"
    else:
        row, state = {**where, "n_texts": 0, "n_empty": 0}, "overflow"
    for name, own in losses.items():
        if len(own):
            found[name] = mean_over(own, "nll", how, seed)
            row |= columns(name, found[name])
    return row | {"state": state}, found


def along(
    paths: dict, kinds: dict[str, str], coordinate: str, values: list[str]
) -> Iterator[tuple]:
    """The points of files that hold a row of them: (value, texts, scores, losses).

    `paths` are those of "texts", of "losses" and of every scorer of `kinds`. The row runs
    along `coordinate`. A point that broke has no rows in any.
    """
    losses = pd.read_csv(paths["losses"], dtype={coordinate: str})
    texts, scores = read(paths["texts"], {name: paths[name] for name in kinds}, kinds)
    for value in values:
        # Where all points broke there is not even a column of the coordinate.
        own = some(texts[coordinate] == value, texts, scores) if len(texts) else (texts, scores)
        yield value, *own, losses[losses[coordinate] == value]


def by_text(losses: pd.DataFrame, sets: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The texts of each set, by the column of a table that they fill."""
    return {f"loss_{name}": losses[losses["text"] == name] for name in sets}


def as_table(rows: list[dict]) -> pd.DataFrame:
    """Rows of `a_point`, of which those that broke have fewer columns."""
    return pd.DataFrame(rows, columns=list(max(rows, key=len)))


def barriers(where: dict, walk: dict[str, statistics.Estimate], how: dict, margin: float):
    """Rows of barriers by both definitions along value -> estimate, from its first to its last.

    `at` is where the largest is.
    """
    values = np.array([np.append(e.value, e.draws) for e in walk.values()])
    rows = []
    for definition, excess in statistics.barriers(np.array(list(walk), float), values).items():
        e = statistics.estimate(excess.max(0), how["confidence"])
        row = {**where, "definition": definition, "barrier": e.value, "low": e.low, "high": e.high}
        row |= {"at": list(walk)[int(excess[:, 0].argmax())], "margin": margin}
        rows.append({**row, "within_margin": bool(e.high < margin)})
    return rows


def difference(start: Point, end: Point, name: str, confidence: float) -> dict[str, float]:
    """The paired difference of one metric between two points."""
    (metric_a, a), (metric_b, b) = start.found[name], end.found[name]
    by_numbers = float("nan")
    if metric_a.values is not None:
        prompt, _ = pd.factorize(start.texts["prompt_id"], sort=True)
        by_numbers = statistics.variance_saved_by_coupling(metric_a.values, metric_b.values, prompt)
    gap = combined(lambda x, y: y - x, [a, b], confidence)
    return {
        "difference": gap.value,
        "low": gap.low,
        "high": gap.high,
        "variance_saved": statistics.variance_saved(a, b),
        "variance_saved_by_random_numbers": by_numbers,
    }


def combined(of: Callable, parts: list[statistics.Estimate], confidence: float):
    """The estimate of a function of estimates that share their draws."""
    rows = [np.append(part.value, part.draws) for part in parts]
    return statistics.estimate(of(*rows), confidence)
