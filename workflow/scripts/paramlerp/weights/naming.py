"""Names of points and lines in paths and tables, and the exact decimals that they hold."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from ..jobs.errors import UserError

_QUANTUM = Decimal("0.001")
#: a coordinate's value in the name of a point
NUMBER = r"-?\d+\.\d{3}"
#: the first word of a line's name, so that no point of another scheme has the same name
LINE = "line"


def exact(value) -> Decimal:
    """`value`, a number or a string, as a decimal. Raises UserError if it is not finite."""
    try:
        number = Decimal(str(value))
        number.quantize(_QUANTUM)
    except InvalidOperation:
        raise UserError(f"{value!r} is not a finite number") from None
    return number


def to_decimal(value) -> Decimal:
    """`value`, a number or a string, as a decimal with three decimals.

    Raises UserError if it is not a finite number or has more than three decimals:
    rounding would give two points the same name.
    """
    number = exact(value)
    rounded = number.quantize(_QUANTUM)
    if number != rounded:
        raise UserError(f"{value} has more than three decimals")
    return rounded + 0  # adding 0 drops the sign of -0.000


def format_value(value) -> str:
    """`value` with exactly three decimals and no negative zero: "0.500"."""
    return f"{to_decimal(value):f}"


def values(point: str) -> tuple[str, ...]:
    """The values in the name of a point or line: "alpha=0.500" -> ("0.500",)."""
    return tuple(re.findall(rf"=({NUMBER})", point))


def point_name(coordinates: Mapping[str, object]) -> str:
    """The name of a point from coordinate -> value: "alpha=0.500_beta=-1.000".

    No commas: Snakemake hands names to a cluster's jobs as a comma-separated list.
    """
    return "_".join(f"{name}={format_value(value)}" for name, value in coordinates.items())


def line_name(shared: Mapping[str, object]) -> str:
    """The name of a line from the coordinates that its points share: "line_beta=0.500".

    It is "line" if they share none.
    """
    return "_".join(filter(None, [LINE, point_name(shared)]))
