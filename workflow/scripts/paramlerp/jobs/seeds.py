"""Random streams seeded by names, so that they do not depend on the order of work."""

import hashlib

import numpy as np


def seed_for(*names) -> int:
    """A 63-bit seed: the BLAKE2b hash of the config's seed and the names of a random stream."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*names) -> np.random.Generator:
    """numpy's generator of that stream. Philox yields the same bits on every platform."""
    return np.random.Generator(np.random.Philox(seed_for(*names)))
