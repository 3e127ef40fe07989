"""Checkpoints on disk, schemes of coefficients, and merges; only `permutation` imports torch."""
