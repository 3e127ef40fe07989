"""Several models as one: an affine combination of their logits (section 3.2)."""

from collections.abc import Sequence
from decimal import Decimal

import torch

from . import models


def load(directories: dict, coefficients: dict[str, Decimal], first: str | None = None):
    """The models that take part, their coefficients, and the tokenizer of the first.

    One whose coefficient is 0 is not even loaded, but for `first`, which stands first.
    """
    taking_part = {n: float(c) for n, c in coefficients.items() if c or n == first}
    if first:
        taking_part = {first: taking_part[first]} | taking_part
    loaded = [models.load_causal_lm(directories[name]) for name in taking_part]
    return [model for model, _ in loaded], list(taking_part.values()), loaded[0][1]


def mix(coefficients: Sequence[float], logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """An ensemble's logits sum_i c_i z_i (section 3.2); exactly z if that is alone with 1."""
    z = logits[0] * coefficients[0]
    for c, other in zip(coefficients[1:], logits[1:], strict=True):
        z.add_(other, alpha=c)
    return z
