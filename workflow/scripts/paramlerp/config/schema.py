"""The schema of the config: put together from its pieces, and used for defaults and checks.

The pieces are JSON schemas in YAML. Each section of the config stands in one file of the folder of
schemas; a study brings the schema of its own section.
"""

import copy
from collections.abc import Iterable
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from ..jobs.errors import UserError

#: the piece that holds the config as a whole and the definitions that all pieces share
ROOT = "root.yaml"

#: libyaml's loader, if it is there: each job on a cluster reads the schema as it starts
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def studies(folder: str | Path) -> list[Path]:
    """The folders of the studies below `folder`, sorted: those that have a schema.yaml."""
    return sorted(file.parent for file in Path(folder).glob("*/schema.yaml"))


def load(folder: str | Path, studies: Iterable[Path] = ()) -> dict:
    """The whole schema: the pieces of `folder`, and for each study the property of its name.

    Raises UserError if two pieces describe the same section.
    """
    schema = _read(Path(folder) / ROOT)
    pieces = [file for file in sorted(Path(folder).glob("*.yaml")) if file.name != ROOT]
    sections = [(file, _read(file)["properties"]) for file in pieces]
    sections += [(study, {study.name: _read(study / "schema.yaml")}) for study in studies]
    for file, properties in sections:
        if twice := sorted(properties.keys() & schema["properties"].keys()):
            raise UserError(f"{file}: section {twice[0]} has a schema already")
        schema["properties"] |= properties
    return schema


def _read(file: Path) -> dict:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)


def resolved(schema: dict, part: dict) -> dict:
    """A part of the schema with the keys of the definition that its `$ref` names, below its own.

    A default behind a `$ref` is left out: it belongs to the property that the `$ref` names.
    """
    if "$ref" not in part:
        return part
    target = schema
    for key in part["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    target = resolved(schema, target)
    siblings = {key: value for key, value in part.items() if key != "$ref"}
    return {key: value for key, value in target.items() if key != "default"} | siblings


def with_defaults(config: dict, schema: dict) -> dict:
    """A copy of the config in which each absent key has its default, at every depth.

    A default that is a mapping lies beneath the config's mapping, key by key. What the config
    says, null included, stays.
    """
    return _fill(config, schema, schema)


def _fill(value, part: dict, schema: dict):
    part = resolved(schema, part)
    if not isinstance(value, dict):
        return copy.deepcopy(value)
    default = part.get("default")
    # A mapping in place of a number or a list is a mistake, which `validate` reports.
    filled = beneath(default if isinstance(default, dict) else {}, value)
    properties, others = part.get("properties", {}), part.get("additionalProperties")
    for key, inner in properties.items():
        if key in filled or "default" in inner:
            filled[key] = _fill(filled.get(key, inner.get("default")), inner, schema)
    if isinstance(others, dict):
        for key in filled.keys() - properties.keys():
            filled[key] = _fill(filled[key], others, schema)
    return filled


def beneath(default: dict, config: dict) -> dict:
    """The default with the config laid over it: mappings key by key, other values replaced."""
    merged = copy.deepcopy(default)
    for key, value in config.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = beneath(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def validate(config: dict, schema: dict) -> None:
    """Raise UserError, one line that names the key, unless the schema accepts the config."""
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: list(e.path))
    if errors:
        raise UserError(f"config: {_message(errors[0])}")


def _message(error) -> str:
    # Where alternatives fail, the mistake inside one says more than "no alternative fits"; of the
    # alternatives the one of the right type counts.
    while error.context:
        error = min(error.context, key=lambda inside: inside.validator == "type")
    path = ".".join(map(str, error.absolute_path)) or "(top level)"
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        return f"{path}: unknown key {', '.join(unknown)}; known: {', '.join(known)}"
    return f"{path}: {error.message:.200}"
