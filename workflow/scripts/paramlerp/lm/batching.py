"""Batches of texts of like length: padding is work that nobody reads."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..jobs.seeds import generator


def by_length(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Indices of texts, longest first, in batches of at most `max_tokens` padded tokens.

    A text longer than that makes a batch of its own.
    """
    batch, width = [], 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        width = width or lengths[index]
        if batch and width * (len(batch) + 1) > max_tokens:
            yield batch
            batch, width = [], lengths[index]
        batch.append(index)
    if batch:
        yield batch


#: batches that are shuffled together before they are sorted by length
POOL = 16


def training_batches(lengths: Sequence[int], *, size: int, steps: int, seed) -> list[list[int]]:
    """`steps` batches of exactly `size` indices, epoch after epoch in a new order.

    Within a pool of `POOL` batches texts are sorted by length, then the batches
    are shuffled, so that a batch holds texts of like length and the order tells
    nothing of it.
    """
    random = generator(seed)
    stream: list[int] = []
    while len(stream) < size * steps:
        stream += random.permutation(len(lengths)).tolist()
    batches: list[list[int]] = []
    for start in range(0, size * steps, size * POOL):
        pool = stream[start : min(start + size * POOL, size * steps)]
        pool.sort(key=lambda i: lengths[i])
        own = [pool[i : i + size] for i in range(0, len(pool), size)]
        batches += [own[i] for i in random.permutation(len(own))]
    return batches


def pad(sequences: Sequence[Sequence[int]], value: int, *, left: bool = False) -> np.ndarray:
    """An array (len(sequences), longest) of ids, padded with `value` at the right or left."""
    width = max(map(len, sequences))
    out = np.full((len(sequences), width), value, np.int64)
    for row, ids in zip(out, sequences, strict=True):
        row[width - len(ids) if left else 0 :][: len(ids)] = ids
    return out
