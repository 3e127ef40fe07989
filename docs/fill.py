"""Print README.md: docs/README.md.j2 with the numbers of the reference run.

Run it after a reference run or an edit of the template:  python docs/fill.py > README.md

A number in the README is a cell of a table in results/reference, or is computed from such cells
where it stands. Cells are read as decimals, as the table prints them, and rounded half up. A cell
that is missing, empty or NaN, or that several rows fit, is an error, and so is a sentence whose
condition (`holds`) the tables do not meet.
"""

import csv
import statistics
import sys
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jinja2
import yaml

ROOT = Path(__file__).parent.parent
TEMPLATE = Path("docs/README.md.j2")
REFERENCE = Path("results/reference")
WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class FillError(ValueError):
    """A number that the tables do not have, or a sentence that they do not support."""


class Row(dict):
    """A row of a table: column -> Decimal, or text. Empty and NaN cells cannot be read."""

    def __init__(self, table: str, cells: dict):
        super().__init__(cells)
        self.table = table

    def __getitem__(self, column):
        if column not in self:
            raise FillError(f"{self.table}: no column {column!r}")
        value = super().__getitem__(column)
        if value == "" or (isinstance(value, Decimal) and not value.is_finite()):
            raise FillError(f"{self.table}: no number in column {column!r} of {dict(self)}")
        return value


class Interval(NamedTuple):
    """An estimate and the ends of its interval."""

    value: Decimal
    low: Decimal
    high: Decimal

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


class Tables:
    """The tables below a folder, as the template reads them."""

    def __init__(self, root: Path):
        self.root = root
        self.read = cache(self._read)

    def _read(self, name: str) -> list[Row]:
        """All rows of results/reference/<name>.csv, or of the path `name` if it ends in .csv."""
        path = self.root / (name if name.endswith(".csv") else REFERENCE / f"{name}.csv")
        if not path.exists():
            raise FillError(f"{name}: no table {path}")
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            found = [Row(name, {k: _parsed(v) for k, v in line.items()}) for line in lines]
        if not found:
            raise FillError(f"{name}: the table has no rows")
        return found

    def rows(self, table: str, **where) -> list[Row]:
        """The rows whose cells equal the conditions, column=value; numbers as numbers."""
        conditions = {column: _parsed(str(value)) for column, value in where.items()}
        rows = self.read(table)
        for column in conditions.keys() - rows[0].keys():
            raise FillError(f"{table}: no column {column!r}")
        found = [row for row in rows if all(row.get(c) == v for c, v in conditions.items())]
        if not found:
            raise FillError(f"{table}: no row with {_told(where)}")
        return found

    def row(self, table: str, **where) -> Row:
        """The one row that fits."""
        found = self.rows(table, **where)
        if len(found) > 1:
            raise FillError(f"{table}: {len(found)} rows with {_told(where)}")
        return found[0]

    def cell(self, table: str, column: str, **where) -> Decimal | str:
        """The value of a column in the one row that fits."""
        return self.row(table, **where)[column]

    def interval(self, table: str, column: str, **where) -> Interval:
        """The value and the bounds of a column in the one row that fits."""
        return interval_of(self.row(table, **where), column)


def interval_of(row: Row, column: str) -> Interval:
    """The value of a column, with its bounds <column>_low and _high, or else `low` and `high`."""
    low, high = (f"{column}_{end}" if f"{column}_{end}" in row else end for end in ("low", "high"))
    return Interval(row[column], row[low], row[high])


def decimals(value, places: int, plus: bool = False, unit: str = "") -> str:
    """A number, or an interval, with so many decimals and no leading zero: ".54 [.47, .62]".

    An exact 0 is "0". The unit stands behind the estimate; `plus` marks one above 0 by "+".
    """
    return _with_interval(value, lambda number: _fixed(number, places), plus, unit)


def significant(value, digits: int, plus: bool = False, unit: str = "") -> str:
    """A number, or an interval, with so many significant digits each: "4,800 [3,700, 6,100]"."""
    return _with_interval(value, lambda number: _significant(number, digits), plus, unit)


def percent(share) -> str:
    """A share as a whole percentage: "52%"."""
    return f"{_fixed(_number(share) * 100, 0)}%"


def plain(value) -> str:
    """A value of a coordinate as it is, with a leading zero: "−0.5"."""
    return f"{_number(value).normalize():f}".replace("-", "−")


def word(count) -> str:
    """A count up to ten in words, "none" for 0."""
    if not 0 <= int(count) < len(WORDS):
        raise FillError(f"{count} is not written as a word")
    return WORDS[int(count)]


def clock(seconds) -> str:
    """A duration in minutes and seconds: "4:15"."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def minutes(seconds) -> str:
    """A duration in whole minutes: "40"."""
    return _fixed(_number(seconds) / 60, 0)


def fill(root: Path = ROOT, template: Path = TEMPLATE) -> str:
    """The README from a template below the root, whose tables, config and timings it reads.

    Raises FillError, which names each place of the template that the numbers do not fit.
    """
    unmet = []

    def holds(words: str, condition: bool) -> str:
        """The words, if the tables support them."""
        if not condition:
            frame = sys._getframe(1)  # past Jinja's own frames, in the compiled template
            while not frame.f_code.co_filename.endswith(template.name):
                frame = frame.f_back
            line = page.get_corresponding_lineno(frame.f_lineno)
            unmet.append(f"{template}:{line}: the tables do not support: {words}")
        return words

    tables = Tables(root)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root, encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "dec": decimals,
        "sig": significant,
        "percent": percent,
        "plain": plain,
        "word": word,
        "clock": clock,
        "minutes": minutes,
        "mean": statistics.mean,
        "median": statistics.median,
    }
    for read in (tables.rows, tables.row, tables.cell, tables.interval, interval_of, holds):
        environment.globals[read.__name__] = read
    environment.globals["config"] = yaml.safe_load((root / "config.yaml").read_text("utf-8"))
    timings = (root / REFERENCE / "timings.yaml").read_text("utf-8")
    environment.globals["measured"] = yaml.safe_load(timings)
    try:
        page = environment.get_template(template.as_posix())
        text = page.render()
    except (FillError, jinja2.TemplateError, ArithmeticError) as error:
        raise FillError(f"{template}:{_line(error, template)}: {error}") from error
    if unmet:
        raise FillError("\n".join(unmet))
    return text


def _parsed(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _number(value) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _told(where: dict) -> str:
    return ", ".join(f"{column}={value}" for column, value in where.items()) or "any values"


def _with_interval(value, written, plus: bool, unit: str) -> str:
    estimate = value.value if isinstance(value, Interval) else _number(value)
    text = ("+" if plus and estimate > 0 else "") + written(estimate) + unit
    if isinstance(value, Interval):
        text += f" [{written(value.low)}, {written(value.high)}]"
    return text


def _fixed(number: Decimal, places: int) -> str:
    return _styled(number, Decimal(1).scaleb(-places))


def _significant(number: Decimal, digits: int) -> str:
    step = Decimal(1).scaleb(number.adjusted() - digits + 1)
    rounded = number.quantize(step, ROUND_HALF_UP)
    if rounded.adjusted() > number.adjusted():  # 9.96 became 10.0
        step = step.scaleb(1)
    return _styled(number, step)


def _styled(number: Decimal, step: Decimal) -> str:
    """A number rounded to a multiple of the step, in the README's style."""
    if number == 0:
        return "0"
    if not number.is_finite():
        raise FillError("a computed number is not finite")
    text = f"{number.quantize(step, ROUND_HALF_UP):,f}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(number) < 1 else text


def _line(error: BaseException, template: Path) -> int | str:
    """The line of the template at which an error came up."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    line, trace = "?", error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename.endswith(template.name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


if __name__ == "__main__":
    try:
        print(fill(), end="")
    except FillError as problem:
        sys.exit(str(problem))
