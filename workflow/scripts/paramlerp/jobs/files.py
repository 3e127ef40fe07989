"""Files of JSON, JSON lines and CSV, written atomically: no reader sees a part of one."""

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

from .errors import UserError


@contextmanager
def writing(path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success fsync it and rename it to `path`.

    Works for files and for directories, which the caller creates. If the block raises, the
    temporary file is removed and `path` is unchanged. The next writer of `path` removes the
    temporary file of a killed process.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    _remove(part)
    try:
        yield part
        if part.is_dir():
            # In parallel: concurrent calls of fsync share one commit of the disk's journal.
            with ThreadPoolExecutor() as pool:
                list(pool.map(_fsync, [part, *part.rglob("*")]))
            _remove(path)
        else:
            _fsync(part)
        os.replace(part, path)
        _fsync(path.parent)
    finally:
        _remove(part)


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
    with writing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path, value) -> None:
    """Write `value` as indented JSON, keys in their order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path):
    """The value in a JSON file. Raises UserError if the file is missing or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from None


def write_jsonl(path, rows: Iterable[dict]) -> None:
    """Write rows as JSON lines: one object per line."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_jsonl(path) -> list[dict]:
    """The rows of a file of JSON lines."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_texts(paths: dict, count: int | None = None) -> dict[str, list[dict]]:
    """The first `count` rows (default: all) of each file of texts, by the file's name.

    A row has at least the keys `text` and `document`.
    """
    return {name: read_jsonl(path)[:count] for name, path in paths.items()}


def write_rows(path, rows: Sequence[dict], columns: Sequence[str] = ()) -> None:
    """Write rows as CSV, in the same bytes as `write_frame` writes a frame of them.

    `columns` defaults to the first row's. For jobs that run models: importing pandas would
    take longer than the work of some.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = columns or list(rows[0])
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    write_text(path, out.getvalue())


def write_scores(path, texts: Sequence[dict], **scores: Sequence) -> None:
    """Write a scorer's CSV: prompt_id and sample_id of each text, and a column for each score."""
    keys = ("prompt_id", "sample_id")
    rows = [
        {key: text[key] for key in keys} | dict(zip(scores, values, strict=True))
        for text, *values in zip(texts, *scores.values(), strict=True)
    ]
    write_rows(path, rows, [*keys, *scores])


def _cell(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return value


def write_frame(path, frame) -> None:
    """Write a pandas frame as CSV, floats with 10 significant digits."""
    write_text(path, frame.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def link(source, target) -> None:
    """Hard-link `target` to the file that `source` resolves to, or copy it across file systems."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)


def sha256(path) -> str:
    """The SHA-256 of a file's content in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
