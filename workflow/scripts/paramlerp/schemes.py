"""Schemes: from a point to the coefficients of named checkpoints.

Every model in this project is an affine combination of checkpoints,
theta = sum_i c_i theta_i with sum_i c_i = 1 (arXiv 2211.12092, section 3.1).

Readings where the paper contradicts itself: alpha weighs theta+ in g1 (eq. 1,
not the introduction's formula); g3(1, 0) is theta+ and g3(0, 1) is theta-;
alpha + beta = 1 is g1 and alpha + beta = 0 is g2.

All arithmetic is decimal: in binary floats 1 - 0.7 - 0.3 is not 0, so a model
that should take no part would leave dust in the sum.
"""

import re
from decimal import Decimal, InvalidOperation

from .errors import UserError

#: scheme -> names of its coordinates
COORDINATES = {
    "g1": ("alpha",),
    "g2": ("alpha",),
    "g3": ("alpha", "beta"),
    "pair": ("alpha",),
    "ensemble": ("alpha",),
    "truncated_ensemble": ("alpha",),
}
#: schemes that combine logits in place of weights
ENSEMBLES = ("ensemble", "truncated_ensemble")

_QUANTUM = Decimal("0.001")
#: a coordinate as it is written in paths and tables
NUMBER = r"-?\d+\.\d{3}"
#: a row of g3's lattice, as files that hold all its points are called
ROW = rf"beta={NUMBER}"


def decimal(value) -> Decimal:
    """`value` (a number or a string) as an exact decimal.

    Raises UserError if it is no finite number or has more than three decimals:
    points are named by three, and rounding would give two points one name.
    """
    try:
        exact = Decimal(str(value))
        rounded = exact.quantize(_QUANTUM)
    except InvalidOperation:
        raise UserError(f"{value!r} is not a finite number") from None
    if exact != rounded:
        raise UserError(f"{value} has more than three decimals")
    return rounded + 0  # a sum never keeps the sign of -0.000


def fixed(value) -> str:
    """`value` with exactly three decimals and no negative zero: "0.500"."""
    return f"{decimal(value):f}"


def name(scheme: str, *values) -> str:
    """The name of a point in paths: "alpha=0.500" or "alpha=0.400_beta=-0.800".

    No comma: Snakemake hands names to a cluster's jobs between commas.
    """
    coordinates = COORDINATES[scheme]
    if len(values) != len(coordinates):
        raise UserError(f"{scheme} takes {', '.join(coordinates)}; got {len(values)} values")
    return "_".join(f"{c}={fixed(v)}" for c, v in zip(coordinates, values, strict=True))


def pattern(scheme: str) -> str:
    """Regular expression that matches the names of `scheme`'s points."""
    return "_".join(f"{c}={NUMBER}" for c in COORDINATES[scheme])


def values(point: str) -> tuple[str, ...]:
    """The coordinates of a point from its name: "alpha=0.500" -> ("0.500",)."""
    return tuple(re.findall(rf"=({NUMBER})", point))


def in_plane(scheme: str, alpha: str) -> tuple[str, str]:
    """Where in g3's plane a point of g1 or g2 lies: (alpha, beta)."""
    c = coefficients(scheme, alpha)
    return fixed(c["positive"]), fixed(c["negative"])


def coefficients(scheme: str, *point) -> dict[str, Decimal]:
    """Coefficients of the named checkpoints at `point`; they sum to exactly 1.

    g1(a)    = a theta+ + (1-a) theta-                                (eq. 1)
    g2(a)    = theta0 + a (theta+ - theta-)                           (eq. 3)
    g3(a, b) = theta0 + a (theta+ - theta0) + b (theta- - theta0)     (eq. 4)
    pair(a)  = (1-a) A + a B, two models trained apart                (sec. 5.3)
    ensembles have g2's, of the models' logits in place of weights    (sec. 3.2)

    Raises UserError for an unknown scheme or a value that is no number.
    """
    if scheme not in COORDINATES:
        raise UserError(f"unknown scheme {scheme!r}: one of {', '.join(COORDINATES)}")
    a, *rest = (decimal(v) for v in point)
    if scheme == "g1":
        return {"positive": a, "negative": 1 - a}
    if scheme == "g2" or scheme in ENSEMBLES:
        return {"base": Decimal(1), "positive": a, "negative": -a}
    if scheme == "pair":
        return {"a": 1 - a, "b": a}
    (b,) = rest
    return {"base": 1 - a - b, "positive": a, "negative": b}
