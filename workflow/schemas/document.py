"""Print config/README.md: every key of the config, from the descriptions in the schema.

Run it after an edit of the schema:  python workflow/schemas/document.py > config/README.md
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

WORKFLOW = Path(__file__).parent.parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

from paramlerp.config import schema  # noqa: E402

HEAD = """\
<!-- python workflow/schemas/document.py > config/README.md -->

# The keys of the config

Made from [the schema](../workflow/schemas) by `python workflow/schemas/document.py >
config/README.md`; edit the schema, not this file.

[`config.yaml`](../config.yaml) holds the values that people change. The other keys have the
defaults below. Write what differs into a file of your own and add `--configfile yours.yaml`: its
mappings lie over those of config.yaml key by key, and its other values, lists included, replace
them. In `attributes`, `checkpoints`, `schemes` and `figures` your entry replaces the one of the
same name as a whole. `null` in place of a named entry removes it, and with a sweep the figures that
show it. Unknown keys are refused by name.

Below, a word in braces stands for a name of yours: a small letter, then small letters, digits and
underscores. A required key has no default: config.yaml has it, and your new entries must. Kinds in
parentheses are the only ones that have the key.

Configs in this folder: [`paper.yaml`](paper.yaml) is the paper's setting, each value with its
origin; [`register.yaml`](register.yaml) is another attribute; [`sst.yaml`](sst.yaml) is the
paper's text on the default run's model, with three seeds.
"""


def document(root: dict) -> str:
    """The page for a root schema, as `schema.load` returns it."""
    sections = root["properties"]
    order = [*root["required"], *(name for name in sections if name not in root["required"])]
    return HEAD + "".join(_section(root, name, sections[name]) for name in order)


def _section(root: dict, name: str, section: dict) -> str:
    lines = [f"## `{name}`", section["description"]]
    rows = list(_rows(root, section))
    if rows:
        table = ["| key | value | default | meaning |", "|---|---|---|---|"]
        table += [f"| {' | '.join(row)} |" for row in rows]
        lines.append("\n".join(table))
    else:
        default = _default(section, required=name in root["required"])
        lines.append(f"Value: {_values(root, section)}. Default: {default or 'empty'}.")
    return "\n" + "\n\n".join(lines) + "\n"


def _rows(root: dict, part: dict, path: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Key, values, default and meaning of each key below a mapping, at every depth."""
    part = schema.resolved(root, part)
    kinds, required = _kinds(part), _required(part)
    for key, inner in part.get("properties", {}).items():
        if inner.get("$ref", "").startswith("#/properties/"):
            continue  # another section has its row
        meaning = schema.resolved(root, inner)["description"]
        if key in kinds:
            meaning = f"({', '.join(kinds[key])}) {meaning}"
        # One default for a mapping says more than one for each of its keys.
        rows = [] if inner.get("default") else list(_rows(root, inner, f"{path}{key}."))
        values = "mapping" if rows else _values(root, inner)
        yield f"`{path}{key}`", values, _default(inner, key in required), meaning
        yield from rows
    entry = part.get("additionalProperties")
    if isinstance(entry, dict) and "title" not in part:
        inner, inner_path = schema.resolved(root, entry), f"{path}{_placeholder(part)}"
        if "description" in inner:
            yield f"`{inner_path}`", _values(root, inner), "", inner["description"]
        yield from _rows(root, inner, f"{inner_path}.")


def _placeholder(part: dict) -> str:
    """What stands in the documentation for the names that are keys of a mapping."""
    return f"{{{part.get('propertyNames', {}).get('title', 'name')}}}"


def _kinds(part: dict) -> dict[str, list[str]]:
    """Key -> the kinds of an entry that it belongs to, unless it belongs to all."""
    kinds: dict[str, list[str]] = {}
    for branch in part.get("allOf", []):
        kind, keys = branch["if"]["properties"]["kind"]["const"], branch["then"]
        for key in keys.get("properties", keys["required"]):
            kinds.setdefault(key, []).append(f"`{kind}`")
    return {key: names for key, names in kinds.items() if len(names) < len(part["allOf"])}


def _required(part: dict) -> set[str]:
    """The keys that a mapping must have, those of some kinds of entries included."""
    branches = [branch["then"] for branch in part.get("allOf", [])]
    return {key for keys in (part, *branches) for key in keys.get("required", [])}


def _default(part: dict, required: bool) -> str:
    if "default" not in part:
        return "required" if required else "absent"
    default = part["default"]
    if isinstance(default, dict):  # the defaults of its keys say it
        pairs = ", ".join(f"{key}: {value}" for key, value in default.items())
        return f"`{{{pairs}}}`" if default else ""
    return f"`{default:g}`" if isinstance(default, float) else f"`{json.dumps(default)}`"


def _values(root: dict, part: dict) -> str:
    """The values that a key takes, in words."""
    part = schema.resolved(root, part)
    if "title" in part:
        return part["title"]
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    types = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return " or ".join(_type(root, part, name) for name in types)


def _type(root: dict, part: dict, name: str) -> str:
    if name == "array":
        return f"list of: {_values(root, part['items'])}"
    if name == "object":
        entry = part.get("additionalProperties")
        return f"`{_placeholder(part)}`: {_values(root, entry)}" if entry else "mapping"
    if name in ("number", "integer"):
        return name + _bounds(part)
    return {"boolean": "`true` or `false`", "string": "text", "null": "null"}[name]


def _bounds(part: dict) -> str:
    bounds = []
    if "exclusiveMinimum" in part:
        bounds.append(f"> {part['exclusiveMinimum']}")
    elif "minimum" in part:
        bounds.append(f"≥ {part['minimum']}")
    if "exclusiveMaximum" in part:
        bounds.append(f"< {part['exclusiveMaximum']}")
    elif "maximum" in part:
        bounds.append(f"≤ {part['maximum']:g}")
    return f" {', '.join(bounds)}" if bounds else ""


if __name__ == "__main__":
    studies = schema.studies(WORKFLOW / "studies")
    print(document(schema.load(Path(__file__).parent, studies)), end="")
