"""Documents, such as articles, whose texts stay together: read, ordered by a hash, and cut."""

import logging
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from ..jobs import files
from ..jobs.errors import UserError
from ..jobs.seeds import seed_for
from . import readers
from .readers import Row

logger = logging.getLogger("paramlerp")

#: the rows of one document, in the order in which they were read
Document = list[Row]


def read_training_text(
    sources: Sequence[str], readings: Sequence[dict], prompts: Sequence[Sequence[str]]
) -> list[list[Row]]:
    """The rows of each source, without the documents of the prompts that are drawn from it.

    `prompts` has for each source its files of prompts. The id of a document begins with the
    number of its source, from 1, since documents of two sources may have the same id; a source
    that is read twice has one number.
    Text that is streamed (corpora of kind `stream`) is not read here, and may hold prompts.
    Raises UserError if nothing is left.
    """
    read, sources = [], list(sources)
    for source, reading, paths in zip(sources, readings, prompts, strict=True):
        rows = readers.read(source, reading)
        kept = without_prompts(rows, (row for path in paths for row in files.read_jsonl(path)))
        if len(kept) < len(rows):
            dropped = len(rows) - len(kept)
            logger.info("%s: %d texts of the prompts' documents are left out", source, dropped)
        number = sources.index(source) + 1
        read.append([replace(row, document=f"{number}/{row.document}") for row in kept])
    if sources and not any(read):
        raise UserError(
            f"{', '.join(map(str, sources))}: every document has a prompt, so no text is left to"
            " train on: ask for fewer prompts, or take them from another source"
        )
    return read


def without_prompts(rows: list[Row], prompts: Iterable[dict]) -> list[Row]:
    """The rows of documents that no prompt is drawn from; rows and prompts are of one source.

    Nothing that continues or judges a prompt may have been trained on the text around it.
    """
    used = {prompt["document"] for prompt in prompts}
    return [row for row in rows if row.document not in used]


def order(rows: Iterable[Row], seed: int) -> dict[str, int]:
    """Document -> the number that it is ordered by, a hash of seed and of all its texts.

    The order of the rows does not count.
    """
    texts = defaultdict(list)
    for row in rows:
        texts[row.document].append(row.text)
    return {document: seed_for(seed, *sorted(own)) for document, own in texts.items()}


def in_order(rows: Iterable[Row], numbers: dict[str, int]) -> list[Document]:
    """The rows by document; documents are in the order of `numbers` (`order`)."""
    documents = defaultdict(list)
    for row in rows:
        documents[row.document].append(row)
    return sorted(documents.values(), key=lambda document: numbers[document[0].document])


def cut(documents: Sequence[Document], ends: Sequence[int]) -> list[list[Document]]:
    """Pieces of whole documents; piece i ends, counted in rows, before row `ends[i]`.

    A document belongs to the piece in which its middle row lies. What lies behind the last end
    is left out.
    """
    pieces = [[] for _ in ends]
    starts = accumulate((len(document) for document in documents), initial=0)
    for document, start in zip(documents, starts, strict=False):
        piece = bisect_right(ends, start + (len(document) - 1) / 2)
        if piece < len(ends):
            pieces[piece].append(document)
    return pieces
