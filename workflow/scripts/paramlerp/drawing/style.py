"""The style that all figures share, their panels, and their files.

Nothing here imports pyplot: figures are drawn without a window or any global state.
"""

import string
import textwrap
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..jobs import files

#: text, axes, and what is neither a pole nor a scheme
INK = "#222222"
#: colours of an attribute's low pole, of the model between, of its high pole (Okabe & Ito 2008)
LOW, NEUTRAL, HIGH = "#d55e00", INK, "#0072b2"
#: colours of schemes, which no pole has
COLOURS = ("#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Look(NamedTuple):
    """How a curve is drawn: by colour, and besides by dashes and markers, for every eye."""

    colour: str
    dashes: str | tuple
    marker: str


def look(index: int) -> Look:
    """The look of the scheme that is number `index` of the config, the same in all figures."""
    return Look(*(kinds[index % len(kinds)] for kinds in (COLOURS, DASHES, MARKERS)))


def of_set(look: Look, index: int) -> Look:
    """The look of a scheme's curve for set of prompts number `index`: its colour, other shapes."""
    dashes, marker = DASHES.index(look.dashes) + index, MARKERS.index(look.marker) + index
    return Look(look.colour, DASHES[dashes % len(DASHES)], MARKERS[marker % len(MARKERS)])


LETTERS = string.ascii_lowercase
#: the width of a letter of the small print, on average and a little more
INCHES_OF_A_LETTER = 0.06

STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "svg.hashsalt": "paramlerp",  # the default is random ids, and so other bytes in every run
    "svg.fonttype": "none",  # text stays text
}
#: metadata that would change from day to day or with Matplotlib's version
NO_METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def applied() -> AbstractContextManager:
    """A context in which figures are both drawn and saved: it sets Matplotlib's rcParams."""
    return matplotlib.rc_context(STYLE)


def panels(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, np.ndarray]:
    """A figure of `size` inches (width, height), and its axes (rows, columns)."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def lettered(titles: dict[str, str]) -> dict[str, str]:
    """The titles of panels with their letters: metric -> "(a) ..."."""
    letters = zip(LETTERS, titles.items(), strict=False)
    return {metric: f"({letter}) {title}" for letter, (metric, title) in letters}


def note(figure: Figure, text: str) -> None:
    """Write small print under a figure, in as many lines as its width needs."""
    width = int(figure.get_figwidth() / INCHES_OF_A_LETTER)
    figure.supxlabel(textwrap.fill(text, width), fontsize=8, color="#666666")


def note_intervals(
    figure: Figure, table: pd.DataFrame, confidence: float, *, exception: str = "", remark: str = ""
) -> None:
    """Note how many texts each point has, for each set of prompts, and what the bands are.

    `exception` names panels whose bootstrap is over something else than prompts.
    """
    counts = table.groupby("prompts", sort=False)["n_texts"].unique()
    texts = " + ".join(" or ".join(map(str, sorted(n_texts))) for n_texts in counts)
    note(
        figure,
        f"{texts} texts a point; bands: {confidence:.0%} intervals, bootstrap over"
        f" prompts{exception}, given these models{remark and '; '}{remark}",
    )


def save(figure: Figure, *paths: str) -> None:
    """Write the figure to each path in the format of its suffix, with the same bytes every time."""
    for path in paths:
        suffix = Path(path).suffix[1:]
        with files.writing(path) as beside:
            figure.savefig(beside, format=suffix, metadata=NO_METADATA[suffix])
