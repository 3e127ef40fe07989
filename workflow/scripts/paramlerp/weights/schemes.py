"""Schemes: from a point to the coefficients of named checkpoints.

Every model in this project is an affine combination of checkpoints,
theta = sum_i c_i theta_i with sum_i c_i = 1 (arXiv 2211.12092, section 3.1). A *linear*
scheme is data: an origin, whose coefficients sum to 1, and for each coordinate a
direction, whose coefficients sum to 0. The paper's are

    g1(a)    = a theta+ + (1-a) theta-                                (eq. 1)
    g2(a)    = theta0 + a (theta+ - theta-)                           (eq. 3)
    g3(a, b) = theta0 + a (theta+ - theta0) + b (theta- - theta0)     (eq. 4)

Readings where the paper contradicts itself: alpha weighs theta+ in g1 (eq. 1, not the
introduction's formula); g3(1, 0) is theta+ and g3(0, 1) is theta-; alpha + beta = 1 is g1
and alpha + beta = 0 is g2.

All arithmetic is decimal: in binary floats 1 - 0.7 - 0.3 is not 0, so a model that should
take no part would leave dust in the sum.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ..jobs.errors import UserError

#: keys of a scheme in the config that are no coordinates
RESERVED = ("kind", "origin", "mixes", "nucleus_of")

_QUANTUM = Decimal("0.001")
#: a coordinate as it is written in paths and tables
NUMBER = r"-?\d+\.\d{3}"


def decimal(value) -> Decimal:
    """`value` (a number or a string) as an exact decimal.

    Raises UserError if it is no finite number or has more than three decimals:
    points are named by three, and rounding would give two points one name.
    """
    exact = _exact(value)
    rounded = exact.quantize(_QUANTUM)
    if exact != rounded:
        raise UserError(f"{value} has more than three decimals")
    return rounded + 0  # a sum never keeps the sign of -0.000


def _exact(value) -> Decimal:
    try:
        exact = Decimal(str(value))
        exact.quantize(_QUANTUM)
    except InvalidOperation:
        raise UserError(f"{value!r} is not a finite number") from None
    return exact


def fixed(value) -> str:
    """`value` with exactly three decimals and no negative zero: "0.500"."""
    return f"{decimal(value):f}"


def values(point: str) -> tuple[str, ...]:
    """The coordinates of a point from its name: "alpha=0.500" -> ("0.500",)."""
    return tuple(re.findall(rf"=({NUMBER})", point))


@dataclass(frozen=True)
class Linear:
    """theta(x) = origin + sum_k x_k direction_k over named checkpoints.

    `mixes` is "weights", or "logits" for an ensemble of the models' outputs (section 3.2).
    `nucleus_of` names the model to whose nucleus an ensemble's tokens are cut, as DExperts'
    code does (Liu et al. 2021); None if they are not.
    """

    title: str
    origin: dict[str, Decimal]
    directions: dict[str, dict[str, Decimal]]
    mixes: str = "weights"
    nucleus_of: str | None = None

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(self.directions)

    @property
    def checkpoints(self) -> list[str]:
        """Those that take part: the origin's, then what each direction goes to and comes from."""
        names = sorted(self.origin)
        for direction in self.directions.values():
            names += sorted(direction, key=lambda name: (direction[name] < 0, name))
        return list(dict.fromkeys(names))

    def coefficients(self, *point) -> dict[str, Decimal]:
        """Coefficients of all `checkpoints` at a point; they sum to exactly 1.

        Raises UserError for a value that is no number of three decimals.
        """
        self._require(point)
        total = {name: self.origin.get(name, Decimal(0)) for name in self.checkpoints}
        for direction, value in zip(self.directions.values(), map(decimal, point), strict=True):
            for name, step in direction.items():
                total[name] += value * step
        return total

    def locate(self, coefficients: Mapping[str, Decimal]) -> tuple[str, ...] | None:
        """The point that has these coefficients, or None if this scheme has no such point.

        Each coordinate is read off a checkpoint that no other coordinate moves.
        """
        point = []
        for coordinate, direction in self.directions.items():
            others = {n for c, d in self.directions.items() if c != coordinate for n in d}
            alone = [name for name in direction if name not in others and direction[name]]
            if not alone:
                return None
            name = alone[0]
            gap = coefficients.get(name, Decimal(0)) - self.origin.get(name, Decimal(0))
            point.append(gap / direction[name])
        try:
            own = self.coefficients(*point)
        except UserError:  # it has more decimals than points have
            return None
        both = own.keys() | coefficients.keys()
        same = all(own.get(n, Decimal(0)) == coefficients.get(n, Decimal(0)) for n in both)
        return tuple(map(fixed, point)) if same else None

    def ends(self) -> dict[str, str]:
        """Where a scheme of one coordinate is one checkpoint alone: point -> its name.

        Looked for at 0 and at 1, where schemes have their ends.
        """
        if len(self.directions) != 1:
            return {}
        taking_part = {
            point: [name for name, c in self.coefficients(point).items() if c]
            for point in ("0.000", "1.000")
        }
        return {point: names[0] for point, names in taking_part.items() if len(names) == 1}

    def name(self, *point) -> str:
        """The name of a point in paths: "alpha=0.500" or "alpha=0.400_beta=-0.800".

        No comma: Snakemake hands names to a cluster's jobs between commas.
        """
        self._require(point)
        return named(dict(zip(self.coordinates, point, strict=True)))

    def pattern(self) -> str:
        """Regular expression that matches the names of this scheme's points."""
        return "_".join(f"{coordinate}={NUMBER}" for coordinate in self.coordinates)

    def row_pattern(self) -> str:
        """Regular expression of the names of rows: points that differ in the first coordinate."""
        return "_".join([ROW, *(f"{c}={NUMBER}" for c in self.coordinates[1:])])

    def formula(self, symbols: Mapping[str, str]) -> str:
        """The scheme as a sum of checkpoints' symbols: "αθ⁺ + (1−α)θ⁻"."""
        terms = []
        for name in self.checkpoints:
            factor = _factor(self.origin.get(name, Decimal(0)), self.directions, name)
            symbol = symbols.get(name, name)
            # Between a number or letter and a word, which is no symbol of a formula.
            dot = "·" if factor.strip("−") and symbol.isascii() else ""
            terms.append((factor.startswith("−"), f"{factor}{dot}{symbol}"))
        # What only grows stands first.
        terms.sort(key=lambda term: (term[0], "(" in term[1]))
        return " + ".join(term for _, term in terms).replace("+ −", "− ")

    def _require(self, point: Iterable) -> None:
        if len(list(point)) != len(self.directions):
            raise UserError(
                f"{self.title} takes {', '.join(self.directions)}; got {len(list(point))} values"
            )


#: what names of rows begin with, so that none is a point's of another scheme
ROW = "line"
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}


def named(coordinates: Mapping[str, object]) -> str:
    """Coordinates and their values as paths have them: "alpha=0.500_beta=-1.000"."""
    return "_".join(f"{name}={fixed(value)}" for name, value in coordinates.items())


def row_name(shared: Mapping[str, object]) -> str:
    """The name of a row, by what its points share: "line", or "line_beta=0.500"."""
    return "_".join(filter(None, [ROW, named(shared)]))


def _factor(constant: Decimal, directions: Mapping[str, Mapping], name: str) -> str:
    """A checkpoint's coefficient as a formula; "" for 1, "−" for -1."""
    parts = [f"{constant.normalize():f}".replace("-", "−")] if constant else []
    for coordinate, direction in directions.items():
        if step := direction.get(name, Decimal(0)):
            size = "" if abs(step) == 1 else f"{abs(step).normalize():f}"
            parts.append(("−" if step < 0 else "") + size + GREEK.get(coordinate, coordinate))
    if parts in (["1"], ["−1"]):
        return parts[0].removesuffix("1")
    whole = parts[0] + "".join(p if p.startswith("−") else f"+{p}" for p in parts[1:])
    return f"({whole})" if len(parts) > 1 else whole


def linear(name: str, spec: Mapping, known: Iterable[str]) -> Linear:
    """A linear scheme from its entry in the config; `known` are the checkpoints that there are.

    Raises UserError if the origin does not sum to 1, a direction does not sum to 0, or
    something is called that is no checkpoint.
    """
    directions = {key: spec[key] for key in sorted(spec) if key not in RESERVED}
    if not directions:
        raise UserError("it has no coordinate")
    parts, sums = {"origin": spec["origin"], **directions}, {}
    for key, part in parts.items():
        for checkpoint in part:
            if checkpoint not in known:
                raise UserError(
                    f"{key}: no checkpoint is called {checkpoint!r}; there are"
                    f" {', '.join(sorted(known))}"
                )
        sums[key] = sum(map(_exact, part.values()))
        if sums[key] != (key == "origin"):
            wanted = 1 if key == "origin" else 0
            raise UserError(f"{key}: its coefficients sum to {sums[key]}, not to {wanted}")
    decimals = {key: {n: _exact(c) for n, c in part.items()} for key, part in parts.items()}
    if spec.get("nucleus_of") not in (None, *decimals["origin"]):
        raise UserError(f"nucleus_of: {spec['nucleus_of']!r} is not in the origin")
    if spec.get("nucleus_of") and spec.get("mixes") != "logits":
        raise UserError("nucleus_of: only what mixes logits is cut to a nucleus")
    origin = decimals.pop("origin")
    return Linear(name, origin, decimals, spec.get("mixes", "weights"), spec.get("nucleus_of"))


#: kind of scheme -> what makes one of its entry in the config; other kinds have a place here
KINDS = {"linear": linear}


def scheme(name: str, spec: Mapping, known: Iterable[str]):
    """The scheme of that name. Raises UserError, naming its key, if it means nothing."""
    try:
        return KINDS[spec.get("kind", "linear")](name, spec, known)
    except UserError as error:
        raise UserError(f"config: schemes.{name}: {error}") from None
