"""What a figure must mean: its sweep is there, has the shape that it shows, and what it shows."""

from collections.abc import Iterable
from typing import NamedTuple

from ..jobs.errors import UserError
from . import registry, sweeps
from .checks import among


class Shows(NamedTuple):
    """What a kind of figure takes: a sweep's shape, and keys of its own."""

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
}


def all_of(config: dict) -> None:
    """Raise UserError, one line naming the key, unless every figure of the config can be drawn."""
    walked, known = sweeps.sweeps(config), sweeps.attributes(config)
    for name, figure in config["figures"].items():
        key, shows = f"config: figures.{name}", SHOWS[figure["shows"]]
        for needed in ("sweep", *shows.keys):
            if needed not in figure:
                raise UserError(f"{key}.{needed}: missing; {figure['shows']} needs it")
        for which in ("sweep", "beside"):
            if which in figure:
                among(f"figures.{name}.{which}", "sweep", figure[which], walked)
        _shape(f"{key}.sweep", figure["shows"], walked[figure["sweep"]])
        if "beside" in figure:
            _shape(f"{key}.beside", figure["shows"], walked[figure["beside"]])
        sweep, where = walked[figure["sweep"]], f"config: sweeps.{figure['sweep']}"
        if shows.attribute:
            if sweep.attribute is None:
                raise UserError(f"{where}.attribute: missing; figures.{name} is of one")
            scorer = known[sweep.attribute].scorer
            if figure["shows"] != "next_words" and scorer not in sweep.scorers:
                raise UserError(f"{where}.scorers: lacks {scorer}; figures.{name} shows it")
        if "schemes" in figure:
            titles = [scheme.title for scheme in sweep.schemes]
            for scheme in figure["schemes"]:
                among(f"figures.{name}.schemes", "scheme of its sweep", scheme, titles)
        if figure["shows"] == "pretraining":
            made_of = registry.with_parents(config, sweep.checkpoints())
            if not set(made_of) & set(registry.of_kind(config, "pretrained")):
                raise UserError(f"{key}.sweep: nothing in {figure['sweep']} is pretrained")
        _content(name, figure, sweep, walked, known)


def _shape(key: str, shown: str, sweep) -> None:
    """A sweep has as many coordinates as a kind of figure shows, and lies where it looks."""
    shows = SHOWS[shown]
    if len(sweep.coordinates) != shows.coordinates:
        raise UserError(f"{key}: {shown} takes schemes of {shows.coordinates} coordinate(s)")
    if shows.in_memory not in (None, sweep.in_memory):
        kind = "in_memory" if shows.in_memory else "not in_memory"
        raise UserError(f"{key}: {shown} takes a sweep that is {kind}")
    if shows.one_scheme and len(sweep.schemes) > 1:
        raise UserError(f"{key}: {shown} takes a sweep of one scheme")


def _content(name: str, figure: dict, sweep, walked: dict, known: dict) -> None:
    """What one kind of figure needs."""
    where, shown = f"config: sweeps.{figure['sweep']}", figure["shows"]
    if shown == "ensemble" and not sweep.against:
        raise UserError(f"{where}.against: missing; figures.{name} shows that")
    if shown == "next_words":
        if sweep.mixes == "logits":
            raise UserError(f"config: figures.{name}.sweep: next_words takes merged weights")
        if known[sweep.attribute].next_words is None:
            key = f"config: attributes.{sweep.attribute}.next_words"
            raise UserError(f"{key}: missing; figures.{name} shows them")
    if shown.startswith("plane") and any(len(v) < 2 for v in sweep.values.values()):
        raise UserError(f"{where}.points: a plane has two values of each coordinate, or more")
    if shown == "pairs" and not {"0.000", "1.000"} <= set(*sweep.values.values()):
        raise UserError(f"{where}.points: 0 and 1 must be among them, the pair itself")
    if shown in ("pairs", "differences"):
        _of_pairs(where, figure.get("schemes"), sweep.schemes)
    if shown == "two_lines":
        own, other = figure["sweep"], figure["beside"]
        _no_more(f"sweeps.{other}.prompts", walked[other].prompts, own, sweep.prompts)
        _no_more(f"sweeps.{own}.scorers", sweep.scorers, other, walked[other].scorers)


def _no_more(key: str, mine: list[str], other: str, theirs: list[str]) -> None:
    if not set(mine) <= set(theirs):
        raise UserError(
            f"config: {key}: more than those of sweeps.{other}, which it is shown beside"
        )


def _of_pairs(where: str, shown: Iterable[str] | None, schemes: list) -> None:
    """The schemes that are shown go from one checkpoint to another."""
    for scheme in schemes:
        if (shown is None or scheme.title in shown) and len(scheme.ends()) < 2:
            raise UserError(
                f"{where}.schemes: {scheme.title} is no line from one checkpoint to another"
            )
