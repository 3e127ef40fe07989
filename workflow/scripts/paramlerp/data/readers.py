"""Readers: from a source's files to rows of text, each with the rating or label that it has.

Which ratings or labels stand for a pole of an attribute is a selection's to say (`chosen`).
"""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .. import HUB_OFFLINE
from ..jobs.errors import UserError, reason
from . import sources

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Row:
    """One text: where it stood, what it says, its rating or label, its official split if it
    has one, and the pole that it stands for, once that is known."""

    id: str
    text: str
    label: float | int | str | None = None
    split: str | None = None
    pole: str | None = None


def read(path, spec: dict) -> list[Row]:
    """Read a source with the reader that its `spec` declares; see the readers below.

    Raises UserError naming the file and the line or row that cannot be read.
    """
    rows = list(READERS[spec["reader"]](Path(path), spec))
    if not rows:
        raise UserError(f"{path}: no rows")
    return rows


def chosen(row: Row, selection: dict) -> bool:
    """Whether a row is one that a selection means: rated `at_least` and `at_most` so, of one
    of these `labels`, or any."""
    if "labels" in selection:
        return row.label in selection["labels"]
    if not selection:
        return True
    return selection.get("at_least", -math.inf) <= row.label <= selection.get("at_most", math.inf)


def of_poles(rows: list[Row], selections: dict[str, dict]) -> list[Row]:
    """The rows that stand for a pole, by pole -> selection, each with its pole; in their order.

    Raises UserError if one stands for two.
    """
    out = []
    for row in rows:
        poles = [pole for pole, selection in selections.items() if chosen(row, selection)]
        if len(poles) > 1:
            raise UserError(f"{row.id}: {row.label!r} stands for {' and for '.join(poles)}")
        out += [replace(row, pole=pole) for pole in poles]
    return out


def rated(path: Path, spec: dict) -> Iterator[Row]:
    """Lines of id, mean human rating and text, tab-separated UTF-8.

    The form of the rated sentences of Hutto & Gilbert, ICWSM 2014.
    """
    path = _only_file(path)
    for number, line in _lines(path):
        fields = line.split("\t")
        try:
            name, rating, text = fields[0], float(fields[1]), fields[2]
        except (IndexError, ValueError):
            raise UserError(f"{path}: line {number}: not id, rating, text: {line!r:.80}") from None
        yield Row(name, clean(text), rating)


def trees(path: Path, spec: dict) -> Iterator[Row]:
    """Penn-style trees, `(3 (2 The) (2 Rock))`; the root's label counts.

    The form of the Stanford Sentiment Treebank (Socher et al. 2013): a folder
    with train.txt, dev.txt and test.txt, whose splits are kept.
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
            yield Row(f"{name}-{number}", text, int(root[1]), split)


def table(path: Path, spec: dict) -> Iterator[Row]:
    """Anything `datasets` reads: a dataset's folder (parquet, JSON, CSV), or one such file.

    `text` and `label` name the columns; dots step into nested ones; `subset` names a
    configuration of a dataset that has several. Splits called train, validation (dev)
    and test are kept.
    """
    with about_table(path):
        for part, rows in open_table(path, spec.get("subset")).items():
            split = {"dev": "validation", "valid": "validation"}.get(part, part)
            for number, row in enumerate(rows, 1):
                text = text_of(row, spec["text"], path, number)
                label = None
                if spec.get("label"):
                    label = _label(_column(row, spec["label"], path, number), path, number)
                official = split if split in SPLITS else None
                yield Row(f"{part}-{number}", clean(text), label, official)


def open_table(where, subset: str | None = None, fetched: str | None = None) -> dict:
    """Splits of what `datasets` streams, by name: a folder, a file, or a hub repository's id.

    Of a hub's, `fetched` is the folder that says which revision.
    """
    go_online_for(where)
    from datasets import load_dataset

    loader = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
    path = Path(where)
    if path.is_dir() and (only := _only_file(path, required=False)):
        path = only
    if path.is_dir() and not (path / "README.md").exists():
        subset = None  # only a dataset's card tells of subsets; files alone are all of one
    with about_table(where):
        if not path.is_file():
            how = {"revision": sources.revision_in(fetched)} if fetched else {}
            return load_dataset(str(where), subset, streaming=True, **how)
        kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
        if kind not in loader:
            raise UserError(f"{path}: not one of {', '.join(loader)}")
        parts = load_dataset(loader[kind], data_files={"train": str(path)}, streaming=True)
        return {"all": parts["train"]}


def go_online_for(where) -> None:
    """Let Hugging Face's libraries ask a hub, if the user does, where `where` is no local path.

    They read that once, when they are imported.
    """
    if not Path(where).exists():
        os.environ["HF_HUB_OFFLINE"] = HUB_OFFLINE


@contextmanager
def about_table(path) -> Iterator[None]:
    """What `datasets` raises, as one line that names the path."""
    from datasets.exceptions import DatasetGenerationError

    try:
        yield
    except (DatasetGenerationError, OSError, ValueError) as error:
        raise UserError(f"{path}: {reason(error)}") from None


def text_of(row: dict, column: str, path, number: int) -> str:
    """The text of a table's row. Raises UserError if there is none."""
    text = _column(row, column, path, number)
    if not isinstance(text, str):
        raise UserError(f"{path}: row {number}: {column}: not text: {text!r:.60}")
    return text


READERS = {"rated": rated, "trees": trees, "table": table}


def clean(text: str) -> str:
    """One line, single spaces, plain double quotes."""
    text = re.sub(r"''|``", '"', text)
    return " ".join(text.split())


_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}


def detokenize(words: list[str]) -> str:
    """Words of the Penn treebank as running text: "it 's fun ." becomes "it's fun."."""
    text = " ".join(word.replace("\\/", "/").replace("\\*", "*") for word in words)
    text = re.sub(r"`` ?| ?''", '"', text)
    text = re.sub(r" (n't\b|'(?:s|re|ve|ll|d|m)\b|[.,;:!?)\]}%])", r"\1", text)
    text = re.sub(r"([(\[{$]) ", r"\1", text)
    return clean(text)


def _label(label, path: Path, number: int):
    if isinstance(label, (int, str, float)) and label == label:
        return label
    raise UserError(f"{path}: row {number}: label {label!r} is neither a number nor a word")


def _column(row: dict, name: str, path: Path, number: int):
    value = row
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            raise UserError(f"{path}: row {number}: no column {name!r}; it has {', '.join(row)}")
        value = value[key]
    return value


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise UserError(f"{path}: line {number}: not UTF-8 ({error.reason})") from None
            if text:
                yield number, text


def _only_file(path: Path, *, required: bool = True) -> Path | None:
    """`path` itself, or the one file in it where it is a fetched folder."""
    if path.is_file():
        return path
    inside = [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")]
    if len(inside) == 1 and not any(p.is_dir() for p in path.iterdir()):
        return inside[0]
    if required:
        raise UserError(f"{path}: expected one file, found {len(inside)}")
    return None
