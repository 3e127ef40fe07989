"""Disjoint parts of an attribute's texts, each with train, validation and test splits."""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate, chain

from ..jobs.errors import UserError
from . import documents
from .readers import SPLITS, Row

logger = logging.getLogger("paramlerp")

#: the split on which nothing is trained or chosen
TEST = SPLITS[-1]

#: experts: each is fine-tuned on the texts of one pole; classifier: the scorer of the attribute;
#: language_model: fine-tuned on both poles, to score fluency
PARTS = ("experts", "classifier", "language_model")


def split(
    rows: list[Row],
    *,
    poles: Sequence[str],
    parts: dict[str, float],
    splits: dict[str, float],
    near_duplicate: float,
    seed: int,
    whole: list[Row] | None = None,
) -> dict[tuple[str, str, str], list[Row]]:
    """(part, pole, split) -> rows. `rows` have their poles.

    A document lies in one part and one split. Documents are ordered by a hash of seed and texts,
    those of each pole (that most of their rows stand for) by themselves, and cut by the fractions
    `parts` and `splits`, so the order of the file does not count. The order is made from `whole`,
    all rows of the documents, also those of no pole (default: `rows`). Near-duplicates are removed
    first: else a scorer could be tested on texts that it was trained on.

    Official splits are kept (`has_official_splits`), without what they share (`keep_apart`). Their
    train and validation are cut into parts. The test split is whole in every part: nothing is
    trained or chosen on it, so scorers and losses are measured on the test set that others use.
    Raises UserError if a pole has no text or a subset is empty.
    """
    used = [part for part in PARTS if parts[part] > 0]
    numbers = documents.order(rows if whole is None else whole, seed)
    official = has_official_splits(rows, poles)
    if official:
        rows = keep_apart(rows, threshold=near_duplicate, several_parts=len(used) > 1)
    else:
        rows = deduplicate(rows, threshold=near_duplicate)
    for pole in poles:
        if not any(row.pole == pole for row in rows):
            raise UserError(f"no {pole} text: check the labels or ratings that stand for it")
    pools = defaultdict(list)
    for document in documents.in_order(rows, numbers):
        pools[document[0].split if official else None, _stratum(document, poles)].append(document)
    subsets = {(part, pole, s): [] for part in used for pole in poles for s in SPLITS}
    for (official_split, _), pool in pools.items():
        shares = _cut(pool, {part: parts[part] for part in PARTS})
        for part in used:
            if official_split == TEST:
                pieces = {TEST: pool}
            elif official:
                pieces = {official_split: shares[part]}
            else:
                pieces = _cut(shares[part], {s: splits[s] for s in SPLITS})
            for name, piece in pieces.items():
                for row in chain.from_iterable(piece):
                    subsets[part, row.pole, name].append(row)
    for (part, pole, name), texts in subsets.items():
        # Of several strata; a job that reads only the first texts is to read some of each.
        texts.sort(key=lambda row: numbers[row.document])
        if not texts:
            raise UserError(
                f"{part}/{pole}/{name} is empty: too little {pole} text, or in too few documents"
            )
    return subsets


def has_official_splits(rows: list[Row], poles: Sequence[str]) -> bool:
    """Whether the source's own splits are complete: each split has text of each pole."""
    present = {(row.pole, row.split) for row in rows}
    return present == {(pole, split) for pole in poles for split in SPLITS}


def _stratum(document: list[Row], poles: Sequence[str]) -> str:
    """The pole that most rows of a document stand for; of equally many, the first of `poles`."""
    counts = Counter(row.pole for row in document)
    return max(poles, key=lambda pole: counts[pole])


def _cut(pool: list[list[Row]], fractions: dict[str, float]) -> dict[str, list[list[Row]]]:
    """Documents, in their order, by the name of the fraction of rows that they belong to."""
    count = sum(map(len, pool))
    ends = [round(total * count) for total in accumulate(fractions.values(), initial=0.0)][1:]
    return dict(zip(fractions, documents.cut(pool, ends), strict=True))


def keep_apart(rows: list[Row], *, threshold: float, several_parts: bool) -> list[Row]:
    """`rows` of official splits that share nothing: the test split keeps all of its rows.

    A row of train or validation is dropped if a later split has a text that it resembles, or a
    part of its document. If splits are cut into several parts, near-duplicates inside train and
    validation are dropped too; in one part they stay, as the source has them.
    """
    later, documents_later = _Texts(threshold), set()
    kept = []
    for split_name in reversed(SPLITS):
        own = [row for row in rows if row.split == split_name]
        apart = [
            row
            for row in own
            if row.document not in documents_later and not later.has_like(row.text)
        ]
        if several_parts and split_name != TEST:
            apart = deduplicate(apart, threshold=threshold)
        if len(apart) < len(own):
            logger.info(
                "%s: %d of %d texts resemble others and are left out",
                split_name,
                len(own) - len(apart),
                len(own),
            )
        for row in apart:
            later.add(row.text)
            documents_later.add(row.document)
        kept = apart + kept
    return kept


def deduplicate(rows: list[Row], *, threshold: float) -> list[Row]:
    """`rows` without near-duplicates: a row that resembles one kept before is dropped.

    Two texts resemble each other if the Jaccard similarity of their sets of word trigrams
    (shingles, Broder 1997) is `threshold` or more; case and punctuation are ignored.
    """
    texts, kept = _Texts(threshold), []
    for row in rows:
        if not texts.has_like(row.text):
            texts.add(row.text)
            kept.append(row)
    return kept


class _Texts:
    """Texts by their shingles, so that one that resembles a given text is found fast."""

    def __init__(self, threshold: float):
        self.threshold = threshold
        self.holders: dict[tuple, list[int]] = defaultdict(list)  # shingle -> numbers of texts
        self.sizes: list[int] = []

    def add(self, text: str) -> None:
        shingles = _shingles(text)
        for shingle in shingles:
            self.holders[shingle].append(len(self.sizes))
        self.sizes.append(len(shingles))

    def has_like(self, text: str) -> bool:
        """Whether one of the texts resembles this one."""
        shingles = _shingles(text)
        shared = Counter(i for shingle in shingles for i in self.holders.get(shingle, ()))
        size = len(shingles)
        return any(n / (size + self.sizes[i] - n) >= self.threshold for i, n in shared.items())


def _shingles(text: str) -> set[tuple]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
