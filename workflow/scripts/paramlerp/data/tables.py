"""Rows of tables that `datasets` streams: local files, dataset folders, hub repositories."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..jobs import environment
from ..jobs.errors import UserError, reason
from . import sources

_LOADERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


def open_table(source, subset: str | None = None, fetched: str | None = None) -> dict:
    """Split name -> its stream of rows; a single file has the one split "all".

    `source` is a file, a dataset's folder or a hub repository's id; of a repository, `fetched`
    is the folder in which `sources.fetch_hub` recorded the revision. `subset` names one of a
    dataset's configurations. Raises UserError if `datasets` cannot open the source.
    """
    environment.allow_hub_for(source)
    from datasets import load_dataset

    path = Path(source)
    if path.is_dir() and (file := single_file(path)):
        path = file
    if path.is_dir() and not (path / "README.md").exists():
        subset = None  # a dataset's card, its README.md, declares the subsets
    with datasets_errors_in(source):
        if not path.is_file():
            revision = {"revision": sources.fetched_revision(fetched)} if fetched else {}
            return load_dataset(str(source), subset, streaming=True, **revision)
        suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
        if suffix not in _LOADERS:
            raise UserError(f"{path}: not one of {', '.join(_LOADERS)}")
        splits = load_dataset(_LOADERS[suffix], data_files={"train": str(path)}, streaming=True)
        return {"all": splits["train"]}


@contextmanager
def datasets_errors_in(path) -> Iterator[None]:
    """Raise an error of `datasets` as a UserError: one line that names `path`."""
    from datasets.exceptions import DatasetGenerationError

    try:
        yield
    except (DatasetGenerationError, OSError, ValueError) as error:
        raise UserError(f"{path}: {reason(error)}") from None


def cell(row: dict, column: str, path, number: int):
    """A row's value in a column; dots in the name step into nested columns.

    Raises UserError if the row has no such column.
    """
    value = row
    for key in column.split("."):
        if not isinstance(value, dict) or key not in value:
            raise UserError(f"{path}: row {number}: no column {column!r}; it has {', '.join(row)}")
        value = value[key]
    return value


def text_cell(row: dict, column: str, path, number: int) -> str:
    """A row's text in a column. Raises UserError if the value is no text."""
    text = cell(row, column, path, number)
    if not isinstance(text, str):
        raise UserError(f"{path}: row {number}: {column}: not text: {text!r:.60}")
    return text


def label_cell(row: dict, column: str, path, number: int) -> float | int | str:
    """A row's label in a column. Raises UserError if it is neither text nor a finite number."""
    label = cell(row, column, path, number)
    if isinstance(label, (int, str)) or (isinstance(label, float) and math.isfinite(label)):
        return label
    raise UserError(f"{path}: row {number}: label {label!r} is neither a finite number nor a word")


def single_file(path: Path) -> Path | None:
    """`path` if it is a file; in a folder the only file, unless there are more or subfolders."""
    if path.is_file():
        return path
    entries = [entry for entry in path.iterdir() if entry.is_dir() or entry.name[0] != "."]
    return entries[0] if len(entries) == 1 and entries[0].is_file() else None
