"""Schemes: from a point to the coefficients of named checkpoints.

Every model in this project is an affine combination of checkpoints,
theta = sum_i c_i theta_i with sum_i c_i = 1 (arXiv 2211.12092, section 3.1). A *linear*
scheme consists of an origin, whose coefficients sum to 1, and of one direction for each
coordinate, whose coefficients sum to 0. The schemes of the paper are

    g1(a)    = a theta+ + (1-a) theta-                                (eq. 1)
    g2(a)    = theta0 + a (theta+ - theta-)                           (eq. 3)
    g3(a, b) = theta0 + a (theta+ - theta0) + b (theta- - theta0)     (eq. 4)

Where the paper contradicts itself, this project reads it so: alpha is the coefficient of theta+
in g1 (eq. 1, not the formula in the introduction); g3(1, 0) is theta+ and g3(0, 1) is theta-;
the line alpha + beta = 1 of g3 is g1, and alpha + beta = 0 is g2.

All arithmetic is decimal. In binary floats 1 - 0.7 - 0.3 is not 0, so a checkpoint with
coefficient 0 would still add a tiny multiple of its weights.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..jobs.errors import UserError
from . import naming

#: keys of a scheme in the config that are not coordinates
RESERVED = ("kind", "origin", "mixes", "nucleus_of")
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}


@dataclass(frozen=True)
class Linear:
    """theta(x) = origin + sum_k x_k direction_k over named checkpoints.

    `mixes` is "weights", or "logits" for an ensemble of the models' outputs (section 3.2).
    `nucleus_of` names the checkpoint to whose nucleus an ensemble's tokens are restricted, as
    in the code of DExperts (Liu et al. 2021); None if they are not restricted.
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
        """The origin's checkpoints, then those that each direction adds, then subtracts."""
        names = sorted(self.origin)
        for direction in self.directions.values():
            names += sorted(direction, key=lambda name: (direction[name] < 0, name))
        return list(dict.fromkeys(names))

    def coefficients(self, *point) -> dict[str, Decimal]:
        """Coefficients of all `checkpoints` at a point; they sum to exactly 1.

        Raises UserError if a value is not a finite number of at most three decimals, or if
        the point has too few or too many values.
        """
        self._require(point)
        total = {name: self.origin.get(name, Decimal(0)) for name in self.checkpoints}
        for direction, value in zip(
            self.directions.values(), map(naming.to_decimal, point), strict=True
        ):
            for name, step in direction.items():
                total[name] += value * step
        return total

    def locate(self, coefficients: Mapping[str, Decimal]) -> tuple[str, ...] | None:
        """The point with these coefficients, or None if this scheme has no such point.

        A coordinate's value follows from the coefficient of a checkpoint that only this
        coordinate's direction holds.
        """
        point = []
        for coordinate, direction in self.directions.items():
            shared = {n for c, d in self.directions.items() if c != coordinate for n in d}
            unshared = [name for name in direction if name not in shared and direction[name]]
            if not unshared:
                return None
            name = unshared[0]
            distance = coefficients.get(name, Decimal(0)) - self.origin.get(name, Decimal(0))
            point.append(distance / direction[name])
        try:
            candidate = self.coefficients(*point)
        except UserError:  # the value has more decimals than the name of a point holds
            return None
        names = candidate.keys() | coefficients.keys()
        zero = Decimal(0)
        same = all(candidate.get(n, zero) == coefficients.get(n, zero) for n in names)
        return tuple(map(naming.format_value, point)) if same else None

    def ends(self) -> dict[str, str]:
        """Point -> checkpoint, for the points 0 and 1 that are one checkpoint alone.

        Empty for a scheme of several coordinates.
        """
        if len(self.directions) != 1:
            return {}
        mixed = {
            point: [name for name, c in self.coefficients(point).items() if c]
            for point in ("0.000", "1.000")
        }
        return {point: names[0] for point, names in mixed.items() if len(names) == 1}

    def point_name(self, *point) -> str:
        """The name of a point in paths: "alpha=0.500" or "alpha=0.400_beta=-0.800"."""
        self._require(point)
        return naming.point_name(dict(zip(self.coordinates, point, strict=True)))

    def point_pattern(self) -> str:
        """Regular expression that matches the names of this scheme's points."""
        return "_".join(f"{coordinate}={naming.NUMBER}" for coordinate in self.coordinates)

    def line_pattern(self) -> str:
        """Regular expression that matches the names of this scheme's lines."""
        return "_".join([naming.LINE, *(f"{c}={naming.NUMBER}" for c in self.coordinates[1:])])

    def formula(self, symbols: Mapping[str, str]) -> str:
        """The scheme as a sum of the checkpoints' symbols: "αθ⁺ + (1−α)θ⁻"."""
        terms = []
        for name in self.checkpoints:
            factor = _factor(self.origin.get(name, Decimal(0)), self.directions, name)
            symbol = symbols.get(name, name)
            # A symbol in ASCII is a word: "2·base" reads better than "2base".
            dot = "·" if factor.strip("−") and symbol.isascii() else ""
            terms.append((factor.startswith("−"), f"{factor}{dot}{symbol}"))
        # Negative terms last, and among equals sums in parentheses last.
        terms.sort(key=lambda term: (term[0], "(" in term[1]))
        return " + ".join(term for _, term in terms).replace("+ −", "− ")

    def _require(self, point: Iterable) -> None:
        if len(list(point)) != len(self.directions):
            raise UserError(
                f"{self.title} takes {', '.join(self.directions)}; got {len(list(point))} values"
            )


def _factor(constant: Decimal, directions: Mapping[str, Mapping], name: str) -> str:
    """A checkpoint's coefficient as a formula; "" for 1, "−" for -1."""
    parts = [f"{constant.normalize():f}".replace("-", "−")] if constant else []
    for coordinate, direction in directions.items():
        if step := direction.get(name, Decimal(0)):
            size = "" if abs(step) == 1 else f"{abs(step).normalize():f}"
            parts.append(("−" if step < 0 else "") + size + GREEK.get(coordinate, coordinate))
    if parts in (["1"], ["−1"]):
        return parts[0].removesuffix("1")
    factor = parts[0] + "".join(p if p.startswith("−") else f"+{p}" for p in parts[1:])
    return f"({factor})" if len(parts) > 1 else factor


def linear(name: str, entry: Mapping, checkpoints: Iterable[str]) -> Linear:
    """A linear scheme from its entry in the config; `checkpoints` are the names in the config.

    Raises UserError if there is no coordinate, if the origin does not sum to 1 or a direction
    does not sum to 0, if a checkpoint's name is unknown, or if `nucleus_of` does not fit.
    """
    directions = {key: entry[key] for key in sorted(entry) if key not in RESERVED}
    if not directions:
        raise UserError("it has no coordinate")
    for key, part in {"origin": entry["origin"], **directions}.items():
        for checkpoint in part:
            if checkpoint not in checkpoints:
                raise UserError(
                    f"{key}: no checkpoint is called {checkpoint!r}; there are"
                    f" {', '.join(sorted(checkpoints))}"
                )
        total, expected = sum(map(naming.exact, part.values())), 1 if key == "origin" else 0
        if total != expected:
            raise UserError(f"{key}: its coefficients sum to {total}, not to {expected}")
    origin = _exact_coefficients(entry["origin"])
    mixes, nucleus_of = entry.get("mixes", "weights"), entry.get("nucleus_of")
    if nucleus_of is not None and nucleus_of not in origin:
        raise UserError(f"nucleus_of: {nucleus_of!r} is not in the origin")
    if nucleus_of and mixes != "logits":
        raise UserError("nucleus_of: only a scheme that mixes logits can be cut to a nucleus")
    exact_directions = {key: _exact_coefficients(part) for key, part in directions.items()}
    return Linear(name, origin, exact_directions, mixes, nucleus_of)


def _exact_coefficients(part: Mapping[str, object]) -> dict[str, Decimal]:
    return {name: naming.exact(coefficient) for name, coefficient in part.items()}


#: kind of scheme -> function that makes one from its entry in the config; add new kinds here
KINDS = {"linear": linear}


def scheme(name: str, entry: Mapping, checkpoints: Iterable[str]) -> Linear:
    """The scheme `name` from its entry in the config. Raises UserError that names its key."""
    try:
        return KINDS[entry.get("kind", "linear")](name, entry, checkpoints)
    except UserError as error:
        raise UserError(f"config: schemes.{name}: {error}") from None
