"""Random streams that derive from names, never from the order of work."""

import hashlib

import numpy as np


def seed_for(*names) -> int:
    """A 63-bit seed from the config's seed and whatever names a stream of its own."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*names) -> np.random.Generator:
    """numpy's generator for that stream; Philox, whose bits are the same everywhere."""
    return np.random.Generator(np.random.Philox(seed_for(*names)))
