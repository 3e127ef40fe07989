"""Disjoint parts of a corpus, each with train, validation and test."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ..jobs.errors import UserError
from ..jobs.seeds import seed_for
from .readers import SPLITS, Row, chosen

#: experts: fine-tuning on one pole; classifier: what tells the poles apart;
#: language_model: a judge of fluency that has seen both
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
    """(part, pole, split) -> rows, no text in two places; `rows` have their poles.

    Texts are ordered by a hash of seed and text and cut by the fractions, so the
    file's order does not count. Official splits are kept (`official_splits`); where
    texts are assigned by us, near-duplicates go first, or a scorer would know its
    test set by heart. Raises UserError if a pole has no text or a place stays empty.
    """
    used = [part for part in PARTS if parts[part] > 0]
    official = official_splits(rows, poles)
    if not official or len(used) > 1:
        rows = deduplicate(rows, threshold=near_duplicate)
    for pole in poles:
        if not any(row.pole == pole for row in rows):
            raise UserError(f"no {pole} text: check the labels or ratings that stand for it")
    places = {(part, pole, s): [] for part in used for pole in poles for s in SPLITS}
    for pole in poles:
        for given in SPLITS if official else (None,):
            mine = [row for row in rows if row.pole == pole and row.split == (given or row.split)]
            mine.sort(key=lambda row: seed_for(seed, row.text))
            for part, share in _cut(mine, {part: parts[part] for part in PARTS}).items():
                if part not in used:
                    continue
                if given:
                    places[part, pole, given] += share
                else:
                    for name, piece in _cut(share, {s: splits[s] for s in SPLITS}).items():
                        places[part, pole, name] += piece
    for (part, pole, name), texts in places.items():
        if not texts:
            raise UserError(f"{part}/{pole}/{name} is empty: too little {pole} text")
    return places


def official_splits(rows: list[Row], poles: Sequence[str]) -> bool:
    """Whether the sources' own splits can be kept: each holds text of both poles."""
    held = {(row.pole, row.split) for row in rows}
    return held == {(pole, split) for pole in poles for split in SPLITS}


def _cut(rows: list[Row], fractions: dict[str, float]) -> dict[str, list[Row]]:
    pieces, total = {}, 0.0
    for name, fraction in fractions.items():
        start, total = round(total * len(rows)), total + fraction
        pieces[name] = rows[start : round(total * len(rows))]
    return pieces


def deduplicate(rows: list[Row], *, threshold: float) -> list[Row]:
    """`rows` without near-duplicates: the first of those that resemble each other stays.

    Two texts resemble each other if the Jaccard similarity of their sets of word
    trigrams (Broder 1997) reaches `threshold`; case and punctuation do not count.
    """
    holders: dict[tuple, list[int]] = defaultdict(list)
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


def openings(
    rows: list[Row], *, count: int | None, words: int | None, selection: dict, seed: int
) -> list[str]:
    """`count` distinct prompts, or all: texts of a selection, or their first `words` words.

    A text gives an opening only if at least three more words follow, so that
    there is something left to say. Drawn by a hash of seed and text.
    Raises UserError if there are fewer, or none.
    """
    prompts = {}
    for row in sorted(rows, key=lambda row: seed_for(seed, row.text)):
        parts = row.text.split()
        if not chosen(row, selection) or not parts or (words and len(parts) < words + 3):
            continue
        prompts[" ".join(parts[:words])] = None
    if len(prompts) < (count or 1):
        long = f" with {words + 3} words or more" if words else ""
        raise UserError(
            f"{count or 1} prompts are asked for, but there are {len(prompts)} different ones in"
            f" its texts{long}"
        )
    return list(prompts)[:count]
