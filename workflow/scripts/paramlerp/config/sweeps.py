"""What the config's attributes and sweeps mean: points, measurements, sample ranges, scorers."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..jobs.errors import UserError
from ..weights import naming, schemes
from . import registry


@dataclass(frozen=True)
class Attribute:
    """What a sweep can turn: `high` is the pole that alpha grows towards, `low` its opposite."""

    high: str
    low: str
    text: dict[str, dict]
    scorer: str
    opinions: list[str]
    title: str
    next_words: dict | None

    @property
    def poles(self) -> tuple[str, str]:
        """High, then low."""
        return (self.high, self.low)


@dataclass(frozen=True)
class Sweep:
    """Schemes with the same coordinates, their points, and what is measured there.

    `values` holds the values of each coordinate, ascending, as strings of three decimals.
    `sample_ranges` are the samples of each file of texts: "0-3", "4-7". For each of `seeds` there
    is a copy of the sweep whose models are trained again (see `repetitions`).
    """

    schemes: list
    attribute: str | None
    values: dict[str, list[str]]
    prompts: list[str]
    samples: int
    sample_ranges: list[str]
    scorers: list[str]
    losses: list[str]
    in_memory: bool
    against: str | None
    over: list[str]
    seeds: list[int]

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the coordinates; a line runs along the first."""
        return tuple(self.values)

    @property
    def scheme_names(self) -> list[str]:
        """The names of its schemes."""
        return [scheme.title for scheme in self.schemes]

    @property
    def mixes(self) -> str:
        """What its schemes mix: "weights" or "logits"."""
        return self.schemes[0].mixes

    @property
    def first_values(self) -> list[str]:
        """The values of the first coordinate: the points of a line."""
        return self.values[self.coordinates[0]]

    def points(self) -> Iterator[dict[str, str]]:
        """Every point as coordinate -> value; the last coordinate changes fastest."""
        for point in itertools.product(*self.values.values()):
            yield dict(zip(self.values, point, strict=True))

    def lines(self) -> Iterator[dict[str, str]]:
        """Every line by the coordinates that its points share: all but the first."""
        shared = self.coordinates[1:]
        for point in itertools.product(*(self.values[name] for name in shared)):
            yield dict(zip(shared, point, strict=True))

    @property
    def n_points(self) -> int:
        """The number of its points."""
        return math.prod(map(len, self.values.values()))

    @property
    def n_jobs(self) -> int:
        """The number of jobs for one scheme: one for each line in memory, else for each point."""
        return self.n_points // (len(self.first_values) if self.in_memory else 1)

    def measurements(self) -> Iterator[dict[str, str]]:
        """Every point of every scheme with every set of prompts, in the order of the table."""
        for prompts in self.prompts:
            for scheme in self.schemes:
                for point in self.points():
                    yield {"prompts": prompts, "scheme": scheme.title, **point}

    def measurement_columns(self) -> list[dict[str, str]]:
        """The measurements as columns of the table, which names a scheme if there are several."""
        named = self.measurements()
        if len(self.schemes) > 1:
            return list(named)
        return [{k: v for k, v in columns.items() if k != "scheme"} for columns in named]

    def line_measurements(self) -> list[dict[str, str]]:
        """Every line of every scheme with every set of prompts, in the order of the table."""
        return [
            {"scheme": scheme.title, "prompts": prompts, **line}
            for scheme in self.schemes
            for prompts in self.prompts
            for line in self.lines()
        ]

    def checkpoints(self) -> list[str]:
        """The checkpoints that its schemes mix, each once."""
        return list(dict.fromkeys(name for s in self.schemes for name in s.checkpoints))

    def pair_ends(self) -> dict[str, list[str]]:
        """Scheme -> the checkpoints at 0 and at 1, for the schemes that have both."""
        ends = {scheme.title: list(scheme.ends().values()) for scheme in self.schemes}
        return {title: pair for title, pair in ends.items() if len(pair) == 2}

    def is_between_two(self) -> bool:
        """Whether it merges one line between two checkpoints and measures both of them."""
        return (
            len(self.schemes) == 1
            and self.mixes == "weights"
            and bool(self.pair_ends())
            and {"0.000", "1.000"} <= set(self.first_values)
        )


def attributes(config: dict) -> dict[str, Attribute]:
    """The attributes by name."""
    return {
        name: Attribute(
            *entry["poles"],
            entry["text"],
            entry["scorer"],
            entry["opinions"],
            entry["title"],
            entry.get("next_words"),
        )
        for name, entry in config["attributes"].items()
    }


def all_schemes(config: dict) -> dict:
    """The schemes by name. Raises UserError if one is not affine or names no checkpoint."""
    checkpoints = config["checkpoints"]
    return {
        name: schemes.scheme(name, entry, checkpoints) for name, entry in config["schemes"].items()
    }


def sweeps(config: dict) -> dict[str, Sweep]:
    """The sweeps by name. Raises UserError, naming the key, if a scheme or a point is wrong."""
    by_name = all_schemes(config)
    return {name: _sweep(config, by_name, name, entry) for name, entry in config["sweeps"].items()}


def _sweep(config: dict, by_name: dict, name: str, entry: dict) -> Sweep:
    key = f"config: sweeps.{name}"
    for title in entry["schemes"]:
        if title not in by_name:
            raise UserError(f"{key}.schemes: no scheme is called {title!r}")
    chosen = [by_name[title] for title in entry["schemes"]]
    for scheme in chosen:
        if set(scheme.coordinates) != set(entry["points"]):
            raise UserError(
                f"{key}.points: {scheme.title} has the coordinates {', '.join(scheme.coordinates)}"
            )
    if len({scheme.mixes for scheme in chosen}) > 1:
        raise UserError(f"{key}.schemes: either all mix weights or all mix logits")
    values = {}
    for coordinate in chosen[0].coordinates:
        try:
            values[coordinate] = numbers(entry["points"][coordinate])
        except UserError as error:
            raise UserError(f"{key}.points.{coordinate}: {error}") from None
    return Sweep(
        chosen,
        entry.get("attribute"),
        values,
        entry["prompts"],
        entry["samples"],
        sample_ranges(entry["samples"], config["generation"]["samples_per_file"]),
        entry.get("scorers") or scorers_for(config, entry.get("attribute")),
        entry["losses"],
        entry["in_memory"],
        entry.get("against"),
        entry["over"],
        list(map(int, entry["seeds"])),
    )


def first_points(first: dict, sweep: Sweep) -> list[str]:
    """The points of `first` that its sweep has, ascending; if it has none of them, all of its own.

    Raises UserError, naming the key, for a number with more than three decimals, or a repeat.
    """
    try:
        points = numbers(first["points"])
    except UserError as error:
        raise UserError(f"config: first.points: {error}") from None
    return [value for value in points if value in sweep.first_values] or sweep.first_values


def scorers_for(config: dict, attribute: str | None) -> list[str]:
    """The attribute's scorer, then the scorers of no attribute, then its second opinions."""
    taken = set()
    for entry in config["attributes"].values():
        taken |= {entry["scorer"], *entry["opinions"]}
    general = [name for name in config["scorers"] if name not in taken]
    if attribute not in config["attributes"]:
        return general
    entry = config["attributes"][attribute]
    return [entry["scorer"], *general, *entry["opinions"]]


def numbers(spec) -> list[str]:
    """A list of numbers, or {from, to, step}, as ascending strings of three decimals.

    Raises UserError for what is no number, a step that misses the end, or a repeat.
    """
    if isinstance(spec, dict):
        first, last, step = (naming.to_decimal(spec[key]) for key in ("from", "to", "step"))
        if step <= 0 or last < first or (last - first) % step:
            raise UserError(f"from {first} to {last} is no whole number of steps of {step}")
        points = [first + step * i for i in range(int((last - first) / step) + 1)]
    else:
        points = sorted(naming.to_decimal(value) for value in spec)
    for a, b in itertools.pairwise(points):
        if a == b:
            raise UserError(f"{a} is there twice")
    return [naming.format_value(point) for point in points]


def sample_ranges(samples: int, size: int) -> list[str]:
    """The samples of each file, `size` a file, by the first and the last: "0-3", "4-4"."""
    return [f"{start}-{min(start + size, samples) - 1}" for start in range(0, samples, size)]


def sample_ids(sample_range: str) -> range:
    """The ids of the samples of a file: "4-6" -> 4, 5, 6."""
    first, last = map(int, sample_range.split("-"))
    return range(first, last + 1)


def checkpoints_in_use(config: dict, by_name: dict[str, Sweep]) -> list[str]:
    """The checkpoints that sweeps mix or score with, and all that these are made of, sorted."""
    names = {name for sweep in by_name.values() for name in sweep.checkpoints()}
    scorers = {name for sweep in by_name.values() for name in sweep.scorers}
    # Before texts are generated, the attribute's scorer is checked.
    attributes = {sweep.attribute for sweep in by_name.values()} - {None}
    scorers |= {config["attributes"][name]["scorer"] for name in attributes}
    names |= {registry.scorer_checkpoint(config["scorers"][name]) for name in scorers} - {None}
    return registry.with_parents(config, names)
