"""Writing files so that no reader ever sees half of one."""

import csv
import hashlib
import io
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path) -> Iterator[Path]:
    """Yield a free path beside `path`; on success fsync it and rename it over `path`.

    Works for files and for directories (which the caller creates). If the body
    raises, what was written is removed and `path` is as it was. What a killed
    process left beside is removed by the next that writes the same.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    _remove(beside)
    try:
        yield beside
        if beside.is_dir():
            # At once: waits for the disk's journal are shared.
            with ThreadPoolExecutor() as pool:
                list(pool.map(_fsync, [beside, *beside.rglob("*")]))
            _remove(path)
        else:
            _fsync(beside)
        os.replace(beside, path)
        _fsync(path.parent)
    finally:
        _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path, text: str) -> None:
    """Write `text` as UTF-8 with \\n line ends."""
    with writing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path, value) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_jsonl(path, rows: Iterable[dict]) -> None:
    """Write one JSON object a line."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_jsonl(path) -> list[dict]:
    """Read what `write_jsonl` wrote."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_texts(paths: dict, count: int | None = None) -> dict[str, list[str]]:
    """The texts of files of rows by the files' names, the first `count` of each."""
    return {name: [row["text"] for row in read_jsonl(path)[:count]] for name, path in paths.items()}


def write_rows(path, rows: Sequence[dict], columns: Sequence[str] = ()) -> None:
    """Write rows as CSV, the bytes that `write_csv` writes of a frame of them.

    `columns` are by default the first row's. For jobs that run models: to import pandas
    takes longer than some of them work.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = columns or list(rows[0])
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    write_text(path, out.getvalue())


def write_scores(path, texts: Sequence[dict], **scores: Sequence) -> None:
    """Write what a scorer says of each text: its prompt_id, its sample_id, scores by name."""
    keys = ("prompt_id", "sample_id")
    rows = [
        {key: text[key] for key in keys} | dict(zip(scores, own, strict=True))
        for text, *own in zip(texts, *scores.values(), strict=True)
    ]
    write_rows(path, rows, [*keys, *scores])


def _cell(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return value


def write_csv(path, frame) -> None:
    """Write a pandas frame; floats with 10 significant digits, so that bytes are stable."""
    write_text(path, frame.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def link(source, target) -> None:
    """Hard-link the file that `source` names to `target`, or copy it where that cannot be."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)


def sha256(path) -> str:
    """Hex digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
