"""Texts of known pole, by domain, and what a classifier of poles forecasts for them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data import documents, selections
from ..jobs import files
from ..jobs.errors import UserError
from ..jobs.seeds import seed_for
from . import classifiers


class Labelled(NamedTuple):
    """A text of a domain: `is_high` says whether its pole is the high one."""

    text: str
    is_high: bool
    #: the id, unique in the domain, of what the text is a part of, such as an article
    document: str


def of_attribute(paths: Sequence[str]) -> list[Labelled]:
    """The texts of a split of an attribute; `paths` are the file of the low pole, then the high."""
    low, high = map(files.read_jsonl, paths)
    return [
        Labelled(row["text"], is_high, str(row["document"]))
        for is_high, rows in ((False, low), (True, high))
        for row in rows
    ]


def of_sources(
    domains: dict[str, list[dict]],
    paths: Sequence[str],
    prompts: Sequence[Sequence[str]],
    high: str,
) -> dict[str, list[Labelled]]:
    """Domain -> its texts, read from sources, without the documents of prompts.

    `domains` is domain -> its sources, each with `reading` (how to read it) and `selections`
    (which rows have which pole). `paths` lists the sources of all domains, one after the other,
    and `prompts` the files of prompts that are drawn from each.
    """
    readings = [source["reading"] for sources in domains.values() for source in sources]
    # At once, so that a document has one id in all domains that share its source.
    read = iter(documents.read_training_text(paths, readings, prompts))
    return {
        domain: [
            Labelled(row.text, row.pole == high, row.document)
            for source in sources
            for row in selections.assign_poles(next(read), source["selections"])
        ]
        for domain, sources in domains.items()
    }


def halves(texts: list[Labelled], seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """The texts of one half of the documents, to calibrate on, and of the other half, to test on.

    No document is cut. The documents are ordered by a hash of seed and id, so the order of the
    file does not count.
    """
    names = sorted({t.document for t in texts}, key=lambda d: seed_for(seed, "half", d))
    first = set(names[: len(names) // 2])
    return [t for t in texts if t.document in first], [t for t in texts if t.document not in first]


def require_both_poles(name: str, texts: list[Labelled], purpose: str) -> None:
    """Raise UserError unless there are texts of both poles."""
    if {t.is_high for t in texts} != {True, False}:
        raise UserError(f"{name}: it takes text of both poles to {purpose} a classifier")


def forecasts(network, tokenizer, texts: list[Labelled], high: str, max_tokens: int) -> np.ndarray:
    """The classifier's probability of the label `high` for each text: (texts,)."""
    p = classifiers.probabilities(network, tokenizer, [t.text for t in texts], max_tokens)
    return p[:, network.config.label2id[high]]
