"""The metrics of a measurement: from its texts and their scores to the columns of a table.

Every metric is a function of the weights of prompts, so the same resamples serve all of them.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .bootstrap import median, ratio


@dataclass(frozen=True)
class Metric:
    """A number about a set of texts.

    `statistic` computes it (1 + resamples,) from weights of prompts (1 + resamples, prompts).
    `values` (texts,) is set if the metric is their mean. A metric on a ratio scale, such as a
    perplexity, is positive, and two of its values are compared by their ratio.
    """

    name: str
    statistic: Callable[[np.ndarray], np.ndarray]
    values: np.ndarray | None = None
    on_ratio_scale: bool = False


def distinct(texts: list[str], n: int) -> float:
    """dist-n of one prompt's texts: distinct n-grams over n-grams, pooled (Li et al. 2016).

    Words are split at spaces. NaN if no text has n words.
    """
    grams = [tuple(w[i : i + n]) for w in map(str.split, texts) for i in range(len(w) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def repetition(text: str) -> float:
    """Share of a text's word bigrams that occurred before in it; 0 for a text without bigrams."""
    words = text.lower().split()
    grams = list(itertools.pairwise(words))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def table_metrics(texts: pd.DataFrame, scores: dict[str, tuple[str, pd.DataFrame]]) -> list[Metric]:
    """All metrics of a measurement in the order of the table: by scorer, then of the texts alone.

    `texts` has the columns prompt_id, sample_id, text, n_tokens, n_special and ended. `scores` is
    scorer -> (its kind, a frame with a row for each text, in the same order). Raises ValueError
    if a frame's rows belong to other texts.
    """
    keys = ["prompt_id", "sample_id"]
    for name, (_, frame) in scores.items():
        if not frame[keys].equals(texts[keys]):
            raise ValueError(f"scores of {name} are not of these texts")
    prompt, _ = pd.factorize(texts["prompt_id"], sort=True)

    metrics = []
    for name, (kind, frame) in scores.items():
        if kind == "perplexity":
            metrics += _perplexities(name, frame, prompt)
            continue
        metrics.append(_mean(name, frame["score"], prompt))
        if kind == "classifier":
            metrics.append(_mean(f"{name}_share", frame["target"] > 0.5, prompt))
        if "raw" in frame:  # of a classifier that has been calibrated: the score without
            metrics.append(_mean(f"{name}_raw", frame["raw"], prompt))
    by_prompt = texts.groupby("prompt_id", sort=True)["text"].agg(list)
    metrics += [_distinct(n, by_prompt) for n in (1, 2, 3)]
    metrics.append(_mean("length", texts["n_tokens"], prompt))
    metrics.append(_mean("repetition", texts["text"].map(repetition), prompt))
    metrics.append(_mean("ended", texts["ended"], prompt))
    metrics.append(_mean("special", texts["n_special"], prompt))
    return metrics


def _mean(name: str, values, prompt: np.ndarray) -> Metric:
    """Mean of `values` (texts,) over texts, without those that are NaN.

    `prompt` (texts,) has the index of each text's prompt.
    """
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    total = np.bincount(prompt, np.where(finite, values, 0))
    count = np.bincount(prompt, finite)
    return Metric(name, lambda weights: ratio(weights, total, count), values)


def _perplexities(name: str, frame: pd.DataFrame, prompt: np.ndarray) -> list[Metric]:
    """Perplexity over tokens, its median and mean over texts, and the mean SLOR over texts.

    SLOR is the log-likelihood per token minus the log-likelihood per token under unigrams, so
    rare words do not lower it (Pauls & Klein 2012). Texts without tokens count in none of the
    four.
    """
    nll, n_tokens = frame["nll"].to_numpy(), frame["n_tokens"].to_numpy()
    scored = n_tokens > 0
    perplexity = np.where(scored, np.exp(nll / np.maximum(n_tokens, 1)), np.nan)
    slor = np.where(scored, (frame["unigram_nll"] - nll) / np.maximum(n_tokens, 1), np.nan)
    nll_sum, token_sum = np.bincount(prompt, nll), np.bincount(prompt, n_tokens)
    return [
        Metric(
            name,
            lambda weights: np.exp(ratio(weights, nll_sum, token_sum)),
            on_ratio_scale=True,
        ),
        Metric(
            f"{name}_median",
            lambda weights: median(weights, perplexity[scored], prompt[scored]),
            on_ratio_scale=True,
        ),
        replace(_mean(f"{name}_mean", perplexity, prompt), on_ratio_scale=True),
        _mean(f"{name}_slor", slor, prompt),
    ]


def _distinct(n: int, texts_by_prompt: pd.Series) -> Metric:
    """Mean of dist-n over the prompts that have an n-gram."""
    values = np.array([distinct(texts, n) for texts in texts_by_prompt])
    finite = np.isfinite(values)
    total, count = np.where(finite, values, 0), finite.astype(float)
    return Metric(f"dist{n}", lambda weights: ratio(weights, total, count))
