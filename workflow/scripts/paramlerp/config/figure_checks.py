"""Checks of figures: their sweeps exist, have the right shape, and hold what is shown."""

from typing import NamedTuple

from ..jobs.errors import UserError
from . import registry, sweeps
from .checks import require_name
from .sweeps import Attribute, Sweep


class Shows(NamedTuple):
    """What a kind of figure needs: the shape of its sweep, and the figure's other keys."""

    coordinates: int = 1
    in_memory: bool | None = None
    attribute: bool = False
    one_scheme: bool = False
    keys: tuple[str, ...] = ()


SHOWS = {
    "line": Shows(in_memory=False, attribute=True, one_scheme=True),
    "next_words": Shows(in_memory=False, attribute=True, one_scheme=True),
    "two_lines": Shows(in_memory=False, attribute=True, one_scheme=True, keys=("beside", "shift")),
    "ensemble": Shows(in_memory=False, attribute=True),
    "plane": Shows(coordinates=2, in_memory=True, attribute=True),
    "plane_losses": Shows(coordinates=2, in_memory=True),
    "differences": Shows(in_memory=True, keys=("schemes",)),
    "pairs": Shows(in_memory=True),
    "pretraining": Shows(),
    "seeds": Shows(in_memory=False, attribute=True, one_scheme=True),
}


#: targets with results of their own
COMMANDS = ("first", "pick", "export", "check", "estimate", "sources")


def check(config: dict) -> None:
    """Raise UserError, one line that names the key, unless all figures can be drawn."""
    by_name, attributes = sweeps.sweeps(config), sweeps.attributes(config)
    if config["first"]:
        sweeps.first_points(config["first"], _line("first", config, by_name))
    if config["pick"]:
        _pick(config, by_name, attributes)
    _export(config)
    for name in COMMANDS:
        if name in config["figures"]:
            raise UserError(
                f"config: figures.{name}: a target has that name; call the figure otherwise"
            )
    for name, figure in config["figures"].items():
        key, shows = f"config: figures.{name}", SHOWS[figure["shows"]]
        for required in ("sweep", *shows.keys):
            if required not in figure:
                raise UserError(f"{key}.{required}: missing; {figure['shows']} needs it")
        for reference in ("sweep", "beside"):
            if reference in figure:
                require_name(f"figures.{name}.{reference}", "sweep", figure[reference], by_name)
                _shape(f"{key}.{reference}", figure["shows"], by_name[figure[reference]])
        sweep = by_name[figure["sweep"]]
        if shows.attribute:
            _attribute(name, figure, sweep, attributes)
        for scheme in figure.get("schemes", []):
            titles = [scheme.title for scheme in sweep.schemes]
            require_name(f"figures.{name}.schemes", "scheme of its sweep", scheme, titles)
        if figure["shows"] == "pretraining":
            ancestors = registry.with_parents(config, sweep.checkpoints())
            if not set(ancestors) & set(registry.of_kind(config, "pretrained")):
                raise UserError(f"{key}.sweep: nothing in {figure['sweep']} is pretrained")
        _content(name, figure, by_name, attributes)


def _line(section: str, config: dict, by_name: dict[str, Sweep]) -> Sweep:
    """The sweep of `first` or `pick`: points along a line, with an attribute."""
    require_name(f"{section}.sweep", "sweep", config[section]["sweep"], by_name)
    sweep = by_name[config[section]["sweep"]]
    if sweep.in_memory or not sweep.attribute or len(sweep.coordinates) != 1:
        raise UserError(f"config: {section}.sweep: takes a line with an attribute, not in memory")
    return sweep


def _pick(config: dict, by_name: dict[str, Sweep], attributes: dict) -> None:
    sweep = _line("pick", config, by_name)
    attribute = attributes[sweep.attribute]
    require_name("pick.pole", "pole", config["pick"]["pole"], attribute.poles)
    kinds = [config["scorers"][name]["kind"] for name in sweep.scorers]
    line = f"config: pick.sweep: {config['pick']['sweep']}"
    remedy = "choose another, or say pick: null"
    if sweep.mixes != "weights":
        raise UserError(f"{line} mixes logits; {remedy}")
    if attribute.scorer not in sweep.scorers or "perplexity" not in kinds:
        needed = f"the scorer {attribute.scorer} and one of perplexity"
        raise UserError(f"{line} needs {needed}; {remedy}")


def _export(config: dict) -> None:
    """A stated point is one of a scheme of weights."""
    scheme, point = config["export"]["scheme"], config["export"]["point"]
    if point is None:
        return
    schemes = sweeps.all_schemes(config)
    require_name("export.scheme", "scheme", scheme, schemes)
    if schemes[scheme].mixes != "weights":
        raise UserError(f"config: export.scheme: {scheme} mixes logits; there are no weights")
    if point.keys() != set(schemes[scheme].coordinates):
        takes = ", ".join(schemes[scheme].coordinates)
        raise UserError(f"config: export.point: {scheme} takes {takes}; got {', '.join(point)}")
    try:
        schemes[scheme].coefficients(*(point[name] for name in schemes[scheme].coordinates))
    except UserError as error:
        raise UserError(f"config: export.point: {error}") from None


def _shape(key: str, kind: str, sweep: Sweep) -> None:
    """A sweep has the coordinates, the storage and the schemes that a kind of figure shows."""
    shows = SHOWS[kind]
    if len(sweep.coordinates) != shows.coordinates:
        raise UserError(f"{key}: {kind} takes schemes of {shows.coordinates} coordinate(s)")
    if shows.in_memory not in (None, sweep.in_memory):
        storage = "in_memory" if shows.in_memory else "not in_memory"
        raise UserError(f"{key}: {kind} takes a sweep that is {storage}")
    if shows.one_scheme and len(sweep.schemes) > 1:
        raise UserError(f"{key}: {kind} takes a sweep of one scheme")


def _attribute(name: str, figure: dict, sweep: Sweep, attributes: dict[str, Attribute]) -> None:
    """A sweep has an attribute, and unless the figure shows words, the attribute's scorer."""
    key = f"config: sweeps.{figure['sweep']}"
    if sweep.attribute is None:
        raise UserError(f"{key}.attribute: missing; figures.{name} shows one")
    scorer = attributes[sweep.attribute].scorer
    if figure["shows"] != "next_words" and scorer not in sweep.scorers:
        raise UserError(f"{key}.scorers: lacks {scorer}; figures.{name} shows it")


def _content(
    name: str, figure: dict, by_name: dict[str, Sweep], attributes: dict[str, Attribute]
) -> None:
    """A sweep has the points, the texts and the checkpoints that a kind of figure shows."""
    sweep, kind, key = (
        by_name[figure["sweep"]],
        figure["shows"],
        f"config: sweeps.{figure['sweep']}",
    )
    if kind == "ensemble" and not sweep.against:
        raise UserError(f"{key}.against: missing; figures.{name} shows that")
    if kind == "seeds" and not sweep.seeds:
        raise UserError(f"{key}.seeds: missing; figures.{name} shows them")
    if kind == "next_words":
        if sweep.mixes == "logits":
            raise UserError(f"config: figures.{name}.sweep: next_words takes merged weights")
        if attributes[sweep.attribute].next_words is None:
            raise UserError(
                f"config: attributes.{sweep.attribute}.next_words: missing; figures.{name} shows"
                " them"
            )
    if kind.startswith("plane") and any(len(values) < 2 for values in sweep.values.values()):
        raise UserError(f"{key}.points: a plane has two or more values of each coordinate")
    if kind == "pairs" and not {"0.000", "1.000"} <= set(sweep.first_values):
        raise UserError(f"{key}.points: 0 and 1, the checkpoints themselves, must be among them")
    if kind in ("pairs", "differences"):
        shown = figure.get("schemes", [scheme.title for scheme in sweep.schemes])
        for title in shown:
            if title not in sweep.pair_ends():
                raise UserError(f"{key}.schemes: {title} is no line from one checkpoint to another")
    if kind == "two_lines":
        first, second = figure["sweep"], figure["beside"]
        beside = by_name[second]
        _subset(f"sweeps.{second}.prompts", beside.prompts, first, sweep.prompts)
        _subset(f"sweeps.{first}.scorers", sweep.scorers, second, beside.scorers)


def _subset(key: str, names: list[str], other: str, others: list[str]) -> None:
    if not set(names) <= set(others):
        raise UserError(
            f"config: {key}: more than those of sweeps.{other}, which it is shown beside"
        )
