"""Readers: the texts of a source's files, each with its rating or label if it has one."""

import html
import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..jobs.errors import UserError
from . import tables

logger = logging.getLogger("paramlerp")

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Row:
    """One text of a source."""

    #: the text's id in its file, or made of its split and number
    id: str
    text: str
    #: the id of what the text is a part of, such as an article; the text's own id if it is whole
    document: str
    label: float | int | str | None = None
    #: the source's official split
    split: str | None = None
    #: the pole of an attribute that the text stands for; `selections.assign_poles` sets it
    pole: str | None = None


def read(path, spec: dict) -> list[Row]:
    """Read a source with the reader that `spec` (a source of the config) names.

    Rows without text are left out, with a warning that says how many they are.
    Raises UserError naming the file and the line or row that cannot be read.
    """
    rows = list(READERS[spec["reader"]](Path(path), spec))
    with_text = [row for row in rows if row.text]
    if not with_text:
        raise UserError(f"{path}: {'no row has a text' if rows else 'no rows'}")
    if missing := len(rows) - len(with_text):
        first = next(row.id for row in rows if not row.text)
        logger.warning("%s: %d rows have no text and are left out, first %s", path, missing, first)
    return with_text


def rated(path: Path, spec: dict) -> Iterator[Row]:
    """Lines of id, mean human rating and text, tab-separated UTF-8.

    The format of the rated sentences of Hutto & Gilbert, ICWSM 2014. An id like 12_3 is the third
    sentence of document 12. Their tweets are escaped as HTML: "&amp;" becomes "&".
    """
    file = tables.single_file(path)
    if file is None:
        raise UserError(f"{path}: expected one file in this folder")
    for number, line in _lines(file):
        fields = line.split("\t")
        try:
            name, rating, text = fields[0], float(fields[1]), fields[2]
        except (IndexError, ValueError):
            raise UserError(f"{file}: line {number}: not id, rating, text: {line!r:.80}") from None
        if not math.isfinite(rating):
            raise UserError(f"{file}: line {number}: the rating is {rating}, not a finite number")
        document = re.fullmatch(r"(.+)_\d+", name)
        yield Row(name, clean(html.unescape(text)), document[1] if document else name, rating)


def trees(path: Path, spec: dict) -> Iterator[Row]:
    """Penn-style trees, `(3 (2 The) (2 Rock))`; the label is the root's.

    The format of the Stanford Sentiment Treebank (Socher et al. 2013): a folder with
    train.txt, dev.txt and test.txt. Keeps these splits.
    """
    for name, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        file = path / f"{name}.txt"
        if not file.exists():
            raise UserError(f"{file}: no such file; trees come as train.txt, dev.txt, test.txt")
        for number, line in _lines(file):
            root = re.match(r"\((\d)", line)
            leaves = re.findall(r"\(\d ([^()\s]+)\)", line)
            if not root or not leaves:
                raise UserError(f"{file}: line {number}: not a labelled tree: {line!r:.80}")
            text = detokenize([_BRACKETS.get(leaf, leaf) for leaf in leaves])
            row_id = f"{name}-{number}"
            yield Row(row_id, text, row_id, int(root[1]), split)


def table(path: Path, spec: dict) -> Iterator[Row]:
    """A table that `datasets` reads: a dataset's folder (parquet, JSON, CSV), or one such file.

    `text`, `label` and `document` name the columns (see `tables.cell`), `subset` a configuration
    of the dataset. Keeps splits called train, validation (dev, valid) and test.
    """
    with tables.datasets_errors_in(path):
        for name, rows in tables.open_table(path, spec.get("subset")).items():
            split = {"dev": "validation", "valid": "validation"}.get(name, name)
            for number, row in enumerate(rows, 1):
                text = tables.text_cell(row, spec["text"], path, number)
                label = None
                if spec.get("label"):
                    label = tables.label_cell(row, spec["label"], path, number)
                document = row_id = f"{name}-{number}"
                if spec.get("document"):
                    document = str(tables.label_cell(row, spec["document"], path, number))
                official = split if split in SPLITS else None
                yield Row(row_id, clean(text), document, label, official)


READERS = {"rated": rated, "trees": trees, "table": table}


def clean(text: str) -> str:
    """`text` on one line, with single spaces and plain double quotes."""
    text = re.sub(r"''|``", '"', text)
    return " ".join(text.split())


_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}


def detokenize(words: list[str]) -> str:
    """The running text of Penn Treebank tokens: "it 's fun ." -> "it's fun."."""
    text = " ".join(word.replace("\\/", "/").replace("\\*", "*") for word in words)
    text = re.sub(r"`` ?| ?''", '"', text)
    text = re.sub(r" (n't\b|'(?:s|re|ve|ll|d|m)\b|[.,;:!?)\]}%])", r"\1", text)
    text = re.sub(r"([(\[{$]) ", r"\1", text)
    return clean(text)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The number, from 1, and the text of each line that is not blank."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise UserError(f"{path}: line {number}: not UTF-8 ({error.reason})") from None
            if text:
                yield number, text
