"""Checks of sweeps: the names in them exist, and what is shown together fits."""

from ..jobs.errors import UserError
from . import sweeps
from .checks import RESERVED, require_name
from .sweeps import Sweep

#: endings of tables' names, after the name of a sweep, of a classifier or of a figure
ENDINGS = ("differences", "endings", "barriers", "against", "divergence", "sums", "next_words")
ENDINGS += ("next_word_trends", "classifier", "calibration", "seeds", "seeds_barriers")
ENDINGS += ("paired", "at_equal", "excess")


def check(config: dict) -> None:
    """Raise UserError, one line that names the key, unless all sweeps can be measured."""
    for name, entry in config["sweeps"].items():
        _names_exist(config, f"sweeps.{name}", entry)
    by_name = sweeps.sweeps(config)
    _training_parts(config, by_name)
    _names_are_free(config, by_name)
    for name, sweep in by_name.items():
        key = f"config: sweeps.{name}"
        if sweep.in_memory:
            _in_memory(key, sweep)
        if sweep.losses and sweep.mixes == "logits":
            raise UserError(f"{key}.losses: a sweep that mixes logits has none")
        if sweep.against:
            require_name(f"sweeps.{name}.against", "sweep", sweep.against, by_name)
            _against(key, sweep, by_name[sweep.against])
        for other in sweep.over:
            require_name(f"sweeps.{name}.over", "sweep", other, by_name)
            _over(key, sweep, other, by_name[other])
    _schemes_agree(by_name)


def _names_exist(config: dict, key: str, entry: dict) -> None:
    if "attribute" in entry:
        require_name(f"{key}.attribute", "attribute", entry["attribute"], config["attributes"])
    for prompts in entry["prompts"]:
        require_name(f"{key}.prompts", "set of prompts", prompts, config["prompts"])
    for scorer in entry.get("scorers", []):
        require_name(f"{key}.scorers", "scorer", scorer, config["scorers"])
    texts = [pole for attribute in config["attributes"].values() for pole in attribute["poles"]]
    for text in entry["losses"]:
        require_name(f"{key}.losses", "pole or corpus", text, [*config["corpora"], *texts])


def _training_parts(config: dict, by_name: dict[str, Sweep]) -> None:
    """The part of the text that a checkpoint in use is trained on is not empty."""
    for name in sweeps.checkpoints_in_use(config, by_name):
        entry = config["checkpoints"][name]
        part = "classifier" if entry["kind"] == "classifier" else entry.get("part", "experts")
        if "attribute" in entry and config["splitting"]["parts"][part] == 0:
            raise UserError(f"config: splitting.parts.{part}: 0, but {name} is trained on it")


def _names_are_free(config: dict, by_name: dict[str, Sweep]) -> None:
    """No two tables, and no two columns of a table, have the same name."""
    first = (*by_name, *config["checkpoints"], *config["figures"])
    taken = {f"{name}_{end}" for name in first for end in ENDINGS}
    taken |= {"first", *(f"table{number}" for number in range(1, 5))}
    taken |= {f"{a}_{s}_reference" for a in config["attributes"] for s in config["scorers"]}
    for name, sweep in by_name.items():
        if name in taken:
            raise UserError(f"config: sweeps.{name}: another table has that name")
        for coordinate in sweep.coordinates:
            if coordinate in (*RESERVED, *config["scorers"]):
                raise UserError(
                    f"config: sweeps.{name}.points.{coordinate}: tables have another column of"
                    " that name"
                )


def _in_memory(key: str, sweep: Sweep) -> None:
    if sweep.mixes == "logits":
        raise UserError(f"{key}.in_memory: a sweep that mixes logits merges nothing")
    if len(sweep.coordinates) > 2:
        raise UserError(f"{key}.in_memory: takes schemes of one coordinate or two")
    if not sweep.losses:
        raise UserError(f"{key}.losses: missing; a sweep in_memory measures them")
    if len(sweep.coordinates) == 2 and len(sweep.schemes) > 1:
        raise UserError(f"{key}.schemes: a plane has one scheme")


def _against(key: str, sweep: Sweep, merged: Sweep) -> None:
    """The sweep of merged weights has every measurement that an ensemble is compared with."""
    if sweep.mixes != "logits" or merged.mixes != "weights" or merged.in_memory:
        raise UserError(f"{key}.against: takes logits here, and merged weights on disk there")
    _samples(key, sweep, sweep.against, merged)
    if sweep.attribute is None:
        raise UserError(f"{key}.attribute: missing; the two are compared along its text")
    other, first = f"sweeps.{sweep.against}", merged.schemes[0]
    for scheme in sweep.schemes:
        same = (scheme.origin, scheme.directions) == (first.origin, first.directions)
        if not same or len(merged.schemes) > 1:
            raise UserError(
                f"{key}.against: {sweep.against} has other coefficients than {scheme.title}"
            )
    _within(f"{key}.prompts", sweep.prompts, f"{other}.prompts", merged.prompts)
    for coordinate, values in sweep.values.items():
        name = f"points.{coordinate}"
        _within(f"{key}.{name}", values, f"{other}.{name}", merged.values[coordinate])


def _over(key: str, sweep: Sweep, other: str, drawn: Sweep) -> None:
    """The points of another sweep lie on a plane and have the plane's measurements."""
    _samples(key, sweep, other, drawn)
    _within(f"{key}.losses", sweep.losses, f"sweeps.{other}.losses", drawn.losses)
    if len(sweep.coordinates) != 2 or not sweep.in_memory:
        raise UserError(f"{key}.over: takes a plane in_memory")
    plane, point = sweep.schemes[0], next(iter(drawn.points())).values()
    on_plane = all(plane.locate(scheme.coefficients(*point)) for scheme in drawn.schemes)
    if drawn.in_memory or not on_plane:
        raise UserError(f"{key}.over: {other} has no points of its own on the plane")


def _samples(key: str, sweep: Sweep, other: str, beside: Sweep) -> None:
    if sweep.samples > beside.samples:
        raise UserError(
            f"{key}.samples: {sweep.samples} is more than sweeps.{other}.samples, which it is"
            " shown beside"
        )


def _within(key: str, values: list[str], other_key: str, others: list[str]) -> None:
    for value in values:
        if value not in others:
            raise UserError(f"{key}: {value} is not in {other_key}, which it is shown beside")


def _schemes_agree(by_name: dict[str, Sweep]) -> None:
    """Sweeps that share a scheme share its files: the same losses, lines and comparisons."""
    lines: dict[str, str] = {}
    losses: dict[str, tuple[str, list[str]]] = {}
    compared: dict[str, tuple[str, tuple[str, str]]] = {}
    for name, sweep in by_name.items():
        key = f"config: sweeps.{name}"
        for title in (scheme.title for scheme in sweep.schemes):
            if sweep.in_memory and lines.setdefault(title, name) != name:
                raise UserError(
                    f"{key}.in_memory: sweeps.{lines[title]} has {title} in_memory, too"
                )
            if sweep.losses:
                first, texts = losses.setdefault(title, (name, sweep.losses))
                if texts != sweep.losses:
                    raise UserError(f"{key}.losses: sweeps.{first} measures others along {title}")
            if sweep.against:
                merged = by_name[sweep.against].schemes[0].title
                first, pair = compared.setdefault(title, (name, (merged, sweep.attribute)))
                if pair != (merged, sweep.attribute):
                    raise UserError(
                        f"{key}.against: sweeps.{first} compares {title} with {pair[0]} along the"
                        f" text of {pair[1]}"
                    )
