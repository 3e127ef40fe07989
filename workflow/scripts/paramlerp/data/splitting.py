"""Disjoint parts of an attribute's texts, each with train, validation and test splits."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ..jobs.errors import UserError
from ..jobs.seeds import seed_for
from .readers import SPLITS, Row

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
) -> dict[tuple[str, str, str], list[Row]]:
    """(part, pole, split) -> rows; no row is in two of these subsets. `rows` have their poles.

    The rows are ordered by a hash of seed and text and cut by the fractions `parts` and
    `splits`, so the order of the file does not count. Official splits are kept
    (`has_official_splits`). Where texts are assigned here, near-duplicates are removed first:
    else a scorer could be tested on texts that it was trained on.
    Raises UserError if a pole has no text or a subset is empty.
    """
    used = [part for part in PARTS if parts[part] > 0]
    official = has_official_splits(rows, poles)
    if not official or len(used) > 1:
        rows = deduplicate(rows, threshold=near_duplicate)
    for pole in poles:
        if not any(row.pole == pole for row in rows):
            raise UserError(f"no {pole} text: check the labels or ratings that stand for it")
    subsets = {(part, pole, s): [] for part in used for pole in poles for s in SPLITS}
    for pole in poles:
        for official_split in SPLITS if official else (None,):
            pool = [
                row
                for row in rows
                if row.pole == pole and (not official or row.split == official_split)
            ]
            pool.sort(key=lambda row: seed_for(seed, row.text))
            for part, share in _cut(pool, {part: parts[part] for part in PARTS}).items():
                if part not in used:
                    continue
                if official:
                    subsets[part, pole, official_split] += share
                else:
                    for name, piece in _cut(share, {s: splits[s] for s in SPLITS}).items():
                        subsets[part, pole, name] += piece
    for (part, pole, name), texts in subsets.items():
        if not texts:
            raise UserError(f"{part}/{pole}/{name} is empty: too little {pole} text")
    return subsets


def has_official_splits(rows: list[Row], poles: Sequence[str]) -> bool:
    """Whether the source's own splits are complete: each split has text of each pole."""
    present = {(row.pole, row.split) for row in rows}
    return present == {(pole, split) for pole in poles for split in SPLITS}


def _cut(rows: list[Row], fractions: dict[str, float]) -> dict[str, list[Row]]:
    pieces, total = {}, 0.0
    for name, fraction in fractions.items():
        start, total = round(total * len(rows)), total + fraction
        pieces[name] = rows[start : round(total * len(rows))]
    return pieces


def deduplicate(rows: list[Row], *, threshold: float) -> list[Row]:
    """`rows` without near-duplicates: a row that resembles one kept before is dropped.

    Two texts resemble each other if the Jaccard similarity of their sets of word trigrams
    (shingles, Broder 1997) is `threshold` or more; case and punctuation are ignored.
    """
    holders: dict[tuple, list[int]] = defaultdict(list)  # shingle -> indices in `kept`
    kept, sizes = [], []
    for row in rows:
        words = re.findall(r"\w+", row.text.lower())
        shingles = {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
        shared = Counter(index for s in shingles for index in holders[s])
        if any(n / (len(shingles) + sizes[i] - n) >= threshold for i, n in shared.items()):
            continue
        for s in shingles:
            holders[s].append(len(kept))
        kept.append(row)
        sizes.append(len(shingles))
    return kept
