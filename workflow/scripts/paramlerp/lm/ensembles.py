"""Ensembles: an affine combination of the logits of several models (section 3.2)."""

from collections.abc import Sequence
from decimal import Decimal

import torch

from . import models


def load(directories: dict, coefficients: dict[str, Decimal], nucleus_of: str | None = None):
    """The members of an ensemble, their coefficients, and the first member's tokenizer.

    `directories` and `coefficients` are by the names of checkpoints. A model with coefficient
    0 is not loaded, unless it is `nucleus_of`, the model whose nucleus truncates; that one
    always comes first.
    """
    members = {n: float(c) for n, c in coefficients.items() if c or n == nucleus_of}
    if nucleus_of:
        members = {nucleus_of: members[nucleus_of]} | members
    loaded = [models.load_causal_lm(directories[name]) for name in members]
    return [model for model, _ in loaded], list(members.values()), loaded[0][1]


def mix(coefficients: Sequence[float], logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """The ensemble's logits sum_i c_i z_i (section 3.2); exactly z for one member with c = 1."""
    mixed = logits[0] * coefficients[0]
    for c, z in zip(coefficients[1:], logits[1:], strict=True):
        mixed.add_(z, alpha=c)
    return mixed
