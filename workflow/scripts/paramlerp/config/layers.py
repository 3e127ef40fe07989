"""The config as the workflow uses it: the user's over the default, defaults filled in, checked."""

import copy
import math
from pathlib import Path

import yaml

from ..jobs.errors import UserError
from . import checks, entries, figure_checks, repetitions, schema, sweep_checks

#: sections whose entries have names
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
#: sections whose entries the user's replace as a whole
WHOLE = ("attributes", "checkpoints", "schemes", "figures")


def require_unique_keys(file: str | Path) -> None:
    """Raise UserError that names key and lines if a mapping of a YAML file has a key twice.

    YAML loaders take the last of the two values and say nothing.
    """
    try:
        tree = yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=schema.LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # Snakemake itself reports a file that it cannot read
    _require_unique(file, tree, ())


def _require_unique(file, node, path: tuple[str, ...]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _require_unique(file, item, path)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise UserError(
                    f"{file}: {'.'.join((*path, name))}: stands in lines {lines[name]} and {line};"
                    " delete one of them"
                )
            lines[name] = line
            _require_unique(file, value, (*path, name))


def require_finite(config, path: tuple[str, ...] = ()) -> None:
    """Raise UserError that names the key if a number of the config is NaN or infinite."""
    if isinstance(config, float) and not math.isfinite(config):
        raise UserError(f"config: {'.'.join(path)}: {config} is not a finite number")
    items = config.items() if isinstance(config, dict) else ()
    items = enumerate(config) if isinstance(config, list) else items
    for key, value in items:
        require_finite(value, (*path, str(key)))


def laid_over(config: dict, overrides: dict) -> dict:
    """The config in which the user's named entries have replaced or removed the default's.

    `config` is the default and the user's `overrides` merged key by key, as Snakemake does it. In
    the sections of WHOLE an entry becomes what the user wrote. A source that the user has put
    elsewhere loses the default's origin and licence. An entry that is null goes away, and with a
    sweep the figures that show it, `first` and `pick`. A section that is no mapping stays, for the
    schema to refuse.
    """
    merged = {k: {} if v is None and k in NAMED else v for k, v in config.items()}
    if not all(isinstance(merged.get(section), dict) for section in NAMED):
        return merged
    removed = {name for name, sweep in merged["sweeps"].items() if sweep is None}
    for section in NAMED:
        named = dict(merged[section])
        replaced = overrides.get(section)
        if section in WHOLE and isinstance(replaced, dict):
            named |= copy.deepcopy({k: v for k, v in replaced.items() if k in named})
        merged[section] = {name: entry for name, entry in named.items() if entry is not None}
    for name, override in _mapping(overrides.get("sources")).items():
        if isinstance(override, dict) and isinstance(merged["sources"].get(name), dict):
            merged["sources"][name] = entries.moved(merged["sources"][name], override)
    merged["figures"] = {
        name: figure
        for name, figure in merged["figures"].items()
        if not isinstance(figure, dict)
        or not any(figure.get(key) == sweep for key in ("sweep", "beside") for sweep in removed)
    }
    for section in ("first", "pick"):
        if _mapping(merged.get(section)).get("sweep") in removed:
            merged[section] = None
    for name, sweep in merged["sweeps"].items():
        over = sweep.get("over") if isinstance(sweep, dict) else None
        if isinstance(over, list) and any(sweep in over for sweep in removed):
            left = [other for other in over if other not in removed]
            merged["sweeps"][name] = {**sweep, "over": left}
    return merged


def _mapping(section) -> dict:
    return section if isinstance(section, dict) else {}


def complete(config: dict, whole_schema: dict) -> dict:
    """The config with its defaults filled in, checked, and with the keys of mappings sorted.

    It holds the copies of checkpoints, schemes and sweeps that `seeds` of sweeps stand for.

    Raises UserError, one line that names the key, unless the config is valid and meaningful.
    """
    require_finite(config)
    filled = schema.with_defaults(config, whole_schema)
    schema.validate(filled, whole_schema)
    filled = repetitions.with_repetitions(filled)
    checks.check(filled)
    sweep_checks.check(filled)
    figure_checks.check(filled)
    return in_order(filled)


def in_order(config):
    """The same config with the keys of every mapping sorted.

    Snakemake compares params as they are printed, so another order of the same keys would run jobs
    again.
    """
    if isinstance(config, dict):
        return {key: in_order(config[key]) for key in sorted(config)}
    return [in_order(value) for value in config] if isinstance(config, list) else config
