"""What a figure says is found: sentences with the numbers of tables, where an interval allows them.

An interval that holds 0, or that is not known, supports no sentence: a function then returns "",
and the figure has a title that claims nothing.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from . import style

#: the width of a letter of a headline, on average and a little more
INCHES_OF_A_LETTER = 0.092


def is_above_or_below(value: float, low: float, high: float) -> bool:
    """Whether an interval, and the value in it, lie on one side of 0."""
    return (value > 0 and low > 0) or (value < 0 and high < 0)  # NaN: neither


def interval(value: float, low: float, high: float) -> str:
    """A value with its interval, as ".40 [.33, .47]": one or two digits of its width.

    More digits where a number that is not 0 would be written as one.
    """
    places = max(0, round(1 - math.log10(high - low))) if high > low else 2
    numbers = (value, low, high)
    while places < 5 and any(number and round(number, places) == 0 for number in numbers):
        places += 1
    value, low, high = (written(number, places) for number in numbers)
    return f"{value} [{low}, {high}]"


def written(number: float, places: int) -> str:
    """A number with so many places, a true minus sign, and no 0 before its point."""
    digits = f"{abs(number):.{places}f}"
    digits = digits[1:] if digits.startswith("0.") else digits
    return f"{'−' if round(number, places) < 0 else ''}{digits}"


def rounded(bound: float) -> str:
    """A positive number rounded up to two digits, as a bound that holds."""
    places = max(0, 1 - math.floor(math.log10(bound))) if bound > 0 else 0
    return written(math.ceil(bound * 10**places) / 10**places, places)


def change(
    value: float, low: float, high: float, verbs: tuple[str, str] = ("rises by", "falls by")
) -> str:
    """ "rises by .40 [.33, .47]", or "falls by ..." with the signs turned round."""
    if not is_above_or_below(value, low, high):
        return ""
    if value < 0:
        return f"{verbs[1]} {interval(-value, -high, -low)}"
    return f"{verbs[0]} {interval(value, low, high)}"


def changes(
    rows: Mapping[str, Sequence[float]], verbs: tuple[str, str] = ("rises", "falls")
) -> str:
    """The change of each set of prompts (name -> value, low, high), if all are in one direction.

    "rises by .40 [.33, .47]" for one set; for several "rises by ... (glad), ... (sad prompts)".
    """
    signs = {math.copysign(1, value) for value, *_ in rows.values()}
    if len(signs) != 1 or not all(is_above_or_below(*row) for row in rows.values()):
        return ""
    each = [change(*row, verbs=("", "")).strip() for row in rows.values()]
    if len(each) > 1:
        each = [f"{text} ({name})" for text, name in zip(each, rows, strict=True)]
        each[-1] = each[-1][:-1] + " prompts)"
    return f"{verbs[0] if signs == {1} else verbs[1]} by {', '.join(each)}"


def ratio(value: float, low: float, high: float) -> str:
    """A difference of logarithms as a factor: ".29 [.26, .34] times"; "" if 1 is inside."""
    if not is_above_or_below(value, low, high):
        return ""
    return f"{interval(*map(math.exp, (value, low, high)))} times"


def largest(rows: pd.DataFrame) -> pd.Series | None:
    """The row with the largest difference of those whose bands (for all rows at once) exclude 0."""
    rows = rows.reset_index(drop=True)
    values = rows[["difference", "band_low", "band_high"]]
    sure = rows[[is_above_or_below(*row) for row in values.itertuples(index=False)]]
    return None if sure.empty else sure.loc[sure["difference"].abs().idxmax()]


def place(line: dict, value: float) -> str:
    """A point of a line, as "α = −1"; its label begins with the letter of its coordinate."""
    return f"{line['label'].split()[0]} = {value:g}".replace("-", "−")


def sentence(text: str) -> str:
    """The text with a capital letter first."""
    return text[:1].upper() + text[1:]


def headline(figure: Figure, text: str) -> None:
    """Write what is found above a figure, to the left, in as many lines as its width needs."""
    width = int(figure.get_figwidth() / INCHES_OF_A_LETTER)
    words = textwrap.fill(sentence(text), width)
    figure.suptitle(words, x=0.008, ha="left", fontsize=11, fontweight="bold", color=style.INK)
