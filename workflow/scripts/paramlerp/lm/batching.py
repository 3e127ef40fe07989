"""Batches of token sequences of similar length, which waste little work on padding."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..jobs.seeds import generator

#: batches whose sequences are shuffled together before they are sorted by length
POOL = 16


def batches_by_length(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Indices of sequences, longest first, in batches of at most `max_tokens` padded tokens.

    A sequence longer than `max_tokens` is a batch of its own.
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


def training_batches(lengths: Sequence[int], *, size: int, steps: int, seed) -> list[list[int]]:
    """`steps` batches of exactly `size` indices, each epoch in a new random order.

    Sequences are sorted by length within a pool of `POOL` batches; then the batches of the
    pool are shuffled. So a batch holds sequences of similar length, and its position in
    training is independent of that length.
    """
    random = generator(seed)
    stream: list[int] = []
    while len(stream) < size * steps:
        stream += random.permutation(len(lengths)).tolist()
    batches: list[list[int]] = []
    for start in range(0, size * steps, size * POOL):
        pool = stream[start : min(start + size * POOL, size * steps)]
        pool.sort(key=lambda i: lengths[i])
        pool_batches = [pool[i : i + size] for i in range(0, len(pool), size)]
        batches += [pool_batches[i] for i in random.permutation(len(pool_batches))]
    return batches


def pad(sequences: Sequence[Sequence[int]], value: int, *, left: bool = False) -> np.ndarray:
    """The ids as an array (sequences, longest), padded with `value` on the right or left."""
    width = max(map(len, sequences))
    padded = np.full((len(sequences), width), value, np.int64)
    for row, ids in zip(padded, sequences, strict=True):
        row[width - len(ids) if left else 0 :][: len(ids)] = ids
    return padded
