"""The config: laid over the default, checked once, then read through `registry` and `sweeps`."""

import copy
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from ..jobs.errors import UserError
from . import checks, figure_checks, sweep_checks

#: sections whose entries have names, and of them those whose entries are replaced whole
NAMED = (
    "sources",
    "attributes",
    "checkpoints",
    "corpora",
    "schemes",
    "prompts",
    "scorers",
    "sweeps",
    "figures",
)
WHOLE = ("attributes", "checkpoints", "schemes", "figures")


def laid_over(config: dict, own: dict) -> dict:
    """The config in which names of the user's `own` have replaced the default's.

    `config` is what Snakemake makes of both, which mixes the keys of equal names; `own` is
    the user's alone. An entry of WHOLE is taken as the user wrote it. A name that is null is
    taken away, and with a sweep the figures that show it. A section that is no mapping is left
    for the schema to refuse.
    """
    out = {k: {} if v is None and k in NAMED else v for k, v in config.items()}
    if not all(isinstance(out.get(section), dict) for section in NAMED):
        return out
    gone = set()
    for section in NAMED:
        held = dict(out[section])
        theirs = own.get(section)
        if section in WHOLE and isinstance(theirs, dict):
            held |= copy.deepcopy({name: v for name, v in theirs.items() if name in held})
        if section == "sweeps":
            gone = {name for name, value in held.items() if value is None}
        out[section] = {name: value for name, value in held.items() if value is not None}
    out["figures"] = {
        name: figure
        for name, figure in out["figures"].items()
        if not isinstance(figure, dict)
        or not any(figure.get(key) == name for key in ("sweep", "beside") for name in gone)
    }
    for name, sweep in out["sweeps"].items():
        over = sweep.get("over") if isinstance(sweep, dict) else None
        if isinstance(over, list) and any(name in over for name in gone):
            left = [other for other in over if other not in gone]
            out["sweeps"][name] = {**sweep, "over": left}
    return out


def in_order(config):
    """The same config with the keys of every mapping sorted.

    Snakemake compares params as they are printed, so the order in which somebody
    writes keys down would otherwise run jobs again.
    """
    if isinstance(config, dict):
        return {key: in_order(config[key]) for key in sorted(config)}
    return [in_order(value) for value in config] if isinstance(config, list) else config


def check(config: dict, schema_file) -> None:
    """Raise UserError, one line naming the key, unless `config` is valid and means something."""
    schema = yaml.safe_load(Path(schema_file).read_text(encoding="utf-8"))
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: list(e.path))
    if errors:
        raise UserError(f"config: {_say(errors[0])}")
    checks.all_of(config)
    sweep_checks.all_of(config)
    figure_checks.all_of(config)


def _say(error) -> str:
    # A kind's own keys are told of by the mistake inside, not by the whole that it is part of;
    # what may be a list or a mapping is told of as the one that it is.
    while error.context:
        error = min(error.context, key=lambda inside: inside.validator == "type")
    path = ".".join(map(str, error.absolute_path)) or "(top level)"
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        return f"{path}: unknown key {', '.join(unknown)}; known: {', '.join(known)}"
    return f"{path}: {error.message:.200}"


def location(source: dict) -> dict:
    """Where a source is: its kind and that kind's keys, and nothing of other kinds."""
    return {"kind": source["kind"], **{k: source.get(k) for k in checks.KINDS[source["kind"]]}}


def reading(source: dict) -> dict:
    """How a source is read: its reader and that reader's keys."""
    keys = checks.READERS[source["reader"]]
    return {"reader": source["reader"], **{k: source[k] for k in keys if k in source}}


def selection(spec: dict) -> dict:
    """Which of a source's texts are meant, without where they are."""
    return {key: spec[key] for key in checks.SELECTION if spec.get(key) is not None}
