"""From texts and their scores at one point to the columns of a table.

Every metric is a `Metric`: sums per prompt, whose ratio is the figure, or a
median over texts. So the same resampled weights serve all of them.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .statistics import median, ratio


@dataclass(frozen=True)
class Metric:
    """A figure as a function of prompt weights (1 + count, prompts) -> (1 + count,).

    `values` (texts,) are there if the figure is their mean.
    """

    name: str
    of: Callable[[np.ndarray], np.ndarray]
    values: np.ndarray | None = None


def distinct(texts: list[str], n: int) -> float:
    """dist-n of one prompt's texts: distinct n-grams over n-grams, pooled (Li et al. 2016).

    Words are split at spaces. NaN where there is no n-gram.
    """
    grams = [tuple(w[i : i + n]) for w in map(str.split, texts) for i in range(len(w) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def repetition(text: str) -> float:
    """Share of a text's word bigrams that it has had before; 0 for a text without bigrams."""
    words = text.lower().split()
    grams = list(itertools.pairwise(words))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def table_metrics(texts: pd.DataFrame, scores: dict[str, tuple[str, pd.DataFrame]]) -> list[Metric]:
    """All metrics of one point, in the order of the table's columns: those of each scorer, then
    those of the texts alone.

    `texts` has prompt_id, sample_id, text, n_tokens; `scores` is scorer name ->
    (kind, frame with a row a text in the same order). Raises ValueError if rows
    of a score do not belong to the texts.
    """
    keys = ["prompt_id", "sample_id"]
    for name, (_, frame) in scores.items():
        if not frame[keys].equals(texts[keys]):
            raise ValueError(f"scores of {name} are not of these texts")
    prompt, _ = pd.factorize(texts["prompt_id"], sort=True)
    prompts = prompt.max() + 1

    def mean(name: str, values) -> Metric:
        """Mean over texts; those without a score (NaN) take no part."""
        values = np.asarray(values, float)
        known = np.isfinite(values)
        num = np.bincount(prompt, np.where(known, values, 0), prompts)
        den = np.bincount(prompt, known, prompts)
        return Metric(name, lambda w: ratio(w, num, den), values)

    def likelihood(name: str, frame: pd.DataFrame) -> list[Metric]:
        some = frame["n_tokens"].to_numpy() > 0
        nll, count = frame["nll"].to_numpy(), frame["n_tokens"].to_numpy()
        each = np.where(some, np.exp(nll / np.maximum(count, 1)), np.nan)
        nll_sum, tokens = np.bincount(prompt, nll, prompts), np.bincount(prompt, count, prompts)
        slor = np.where(some, (frame["unigram_nll"] - nll) / np.maximum(count, 1), np.nan)
        return [
            Metric(name, lambda w: np.exp(ratio(w, nll_sum, tokens))),
            Metric(f"{name}_median", lambda w: median(w, each[some], prompt[some])),
            mean(f"{name}_mean", each),
            mean(f"{name}_slor", slor),
        ]

    metrics = []
    for name, (kind, frame) in scores.items():
        if kind == "perplexity":
            metrics += likelihood(name, frame)
            continue
        metrics.append(mean(name, frame["score"]))
        if kind == "classifier":
            metrics.append(mean(f"{name}_share", frame["target"] > 0.5))
    by_prompt = texts.groupby("prompt_id", sort=True)["text"].agg(list)
    for n in (1, 2, 3):
        values = np.array([distinct(group, n) for group in by_prompt])
        known = np.isfinite(values)
        num, den = np.where(known, values, 0), known.astype(float)
        metrics.append(Metric(f"dist{n}", lambda w, num=num, den=den: ratio(w, num, den)))
    metrics.append(mean("length", texts["n_tokens"]))
    metrics.append(mean("repetition", texts["text"].map(repetition)))
    metrics.append(mean("ended", texts["ended"]))
    return metrics
