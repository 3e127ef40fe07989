"""What the config's attributes, schemes and sweeps mean: points, files of samples, scorers."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from ..jobs.errors import UserError
from ..weights import schemes
from . import registry


@dataclass(frozen=True)
class Attribute:
    """What a dial turns: `high` is the pole that alpha grows towards, `low` its opposite."""

    high: str
    low: str
    text: dict[str, dict]
    scorer: str
    opinions: list[str]
    title: str
    next_words: dict | None

    @property
    def poles(self) -> tuple[str, str]:
        return (self.high, self.low)


@dataclass(frozen=True)
class Sweep:
    """Schemes of the same coordinates, their points, and what is measured there.

    `values` are by coordinate, ascending, as fixed three-decimal strings.
    """

    schemes: list
    attribute: str | None
    values: dict[str, list[str]]
    prompts: list[str]
    samples: int
    shards: list[str]
    scorers: list[str]
    losses: list[str]
    in_memory: bool
    against: str | None
    over: list[str]

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(self.values)

    @property
    def mixes(self) -> str:
        return self.schemes[0].mixes

    def points(self) -> Iterator[dict[str, str]]:
        """Coordinate -> value, of every point; the last coordinate changes fastest."""
        for point in itertools.product(*self.values.values()):
            yield dict(zip(self.values, point, strict=True))

    def rows(self) -> Iterator[dict[str, str]]:
        """What the points of a row share: all coordinates but the first, along which it runs."""
        for point in itertools.product(*(self.values[name] for name in self.coordinates[1:])):
            yield dict(zip(self.coordinates[1:], point, strict=True))

    def places(self) -> Iterator[dict[str, str]]:
        """Every point of every scheme with every set of prompts, in the order of the table."""
        for prompts in self.prompts:
            for scheme in self.schemes:
                for point in self.points():
                    yield {"prompts": prompts, "scheme": scheme.title, **point}

    def column(self, place: dict) -> dict:
        """A place as columns of a table: a scheme is named only where there are several."""
        several = len(self.schemes) > 1
        return {k: v for k, v in place.items() if k != "scheme" or several}

    def checkpoints(self) -> list[str]:
        return list(dict.fromkeys(name for s in self.schemes for name in s.checkpoints))


def attributes(config: dict) -> dict[str, Attribute]:
    """The attributes by name."""
    return {
        name: Attribute(
            *own["poles"],
            own["text"],
            own["scorer"],
            own.get("opinions", []),
            own["title"],
            own.get("next_words"),
        )
        for name, own in config["attributes"].items()
    }


def all_schemes(config: dict) -> dict:
    """The schemes by name. Raises UserError for one that means nothing."""
    known = config["checkpoints"]
    return {name: schemes.scheme(name, own, known) for name, own in config["schemes"].items()}


def sweeps(config: dict) -> dict[str, Sweep]:
    """The sweeps by name. Raises UserError, naming the key, where points are no numbers."""
    known = all_schemes(config)
    return {name: _sweep(config, known, name, own) for name, own in config["sweeps"].items()}


def _sweep(config: dict, known: dict, name: str, own: dict) -> Sweep:
    key = f"config: sweeps.{name}"
    for scheme in own["schemes"]:
        if scheme not in known:
            raise UserError(f"{key}.schemes: no scheme is called {scheme!r}")
    chosen = [known[scheme] for scheme in own["schemes"]]
    for scheme in chosen:
        if set(scheme.coordinates) != set(own["points"]):
            raise UserError(
                f"{key}.points: {scheme.title} has the coordinates {', '.join(scheme.coordinates)}"
            )
    if len({scheme.mixes for scheme in chosen}) > 1:
        raise UserError(f"{key}.schemes: either all mix weights or all mix logits")
    found = {}
    for coordinate in chosen[0].coordinates:
        try:
            found[coordinate] = numbers(own["points"][coordinate])
        except UserError as error:
            raise UserError(f"{key}.points.{coordinate}: {error}") from None
    return Sweep(
        chosen,
        own.get("attribute"),
        found,
        own["prompts"],
        own["samples"],
        shards(own["samples"], config["generation"]["shard"]),
        own.get("scorers") or scorers_for(config, own.get("attribute")),
        own.get("losses", []),
        own.get("in_memory", False),
        own.get("against"),
        own.get("over", []),
    )


def scorers_for(config: dict, attribute: str | None) -> list[str]:
    """An attribute's scorer, then those that are no attribute's, then its second opinions."""
    taken = set()
    for own in config["attributes"].values():
        taken |= {own["scorer"], *own.get("opinions", [])}
    others = [name for name in config["scorers"] if name not in taken]
    own = config["attributes"].get(attribute)
    return [own["scorer"], *others, *own.get("opinions", [])] if own else others


def numbers(spec) -> list[str]:
    """A list of numbers, or {from, to, step}, as fixed three-decimal strings, ascending.

    Raises UserError for what is no number, a step that misses the end, or a repeat.
    """
    if isinstance(spec, dict):
        first, last, step = (schemes.decimal(spec[key]) for key in ("from", "to", "step"))
        if step <= 0 or last < first or (last - first) % step:
            raise UserError(f"from {first} to {last} is no whole number of steps of {step}")
        points = [first + step * i for i in range(int((last - first) / step) + 1)]
    else:
        points = sorted(schemes.decimal(value) for value in spec)
    for a, b in itertools.pairwise(points):
        if a == b:
            raise UserError(f"{a} is there twice")
    return [schemes.fixed(point) for point in points]


def shards(samples: int, size: int) -> list[str]:
    """The files that a point's samples lie in, by the first and last sample: "0-3", "4-4"."""
    return [f"{start}-{min(start + size, samples) - 1}" for start in range(0, samples, size)]


def samples_of(shard: str) -> range:
    """The sample ids of a file: "4-6" -> 4, 5, 6."""
    first, last = map(int, shard.split("-"))
    return range(first, last + 1)


def in_use(config: dict, walked: dict[str, Sweep]) -> list[str]:
    """The checkpoints that sweeps mix or judge by, and all that these are made of."""
    names = {name for sweep in walked.values() for name in sweep.checkpoints()}
    scorers = {name for sweep in walked.values() for name in sweep.scorers}
    names |= {registry.judge(config["scorers"][name]) for name in scorers} - {None}
    return registry.with_parents(config, names)


def label_of(sweep: Sweep, symbols: dict[str, str]) -> str:
    """What the axis of a line says: "α in g1(α) = αθ⁺ + (1−α)θ⁻"."""
    coordinate = sweep.coordinates[0]
    letter = schemes.GREEK.get(coordinate, coordinate)
    scheme = sweep.schemes[0]
    return f"{letter} in {subscript(scheme.title)}({letter}) = {scheme.formula(symbols)}"


def subscript(title: str) -> str:
    """A name whose number stands below: g1 as g₁."""
    return title.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
