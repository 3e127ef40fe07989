"""Levels of real text, against which the scores of a tagger are read."""

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes

from . import curves

#: what the table of a tagger's references calls its texts -> what figures call them
NAMES = {"real": "real\nsentences", "swapped": "two words\nswapped"}


def read(taggers: Iterable[str], paths: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Tagger -> its table of references."""
    return {name: pd.read_csv(path) for name, path in zip(taggers, paths, strict=True)}


def mark(axis: Axes, table: pd.DataFrame) -> None:
    """Mark a tagger's mean scores of real text and of text with a slip; the axis ends above 1."""
    scores = table.set_index("text")["score"]
    axis.set_ylim(top=1 + 0.12 * (1 - min(scores.min(), axis.get_ylim()[0])))
    curves.mark_levels(axis, {name: scores[text] for text, name in NAMES.items()})
