"""The config as the workflow uses it: the user's over the default, defaults filled in, checked."""

import copy

from . import checks, figure_checks, schema, sweep_checks

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


def laid_over(config: dict, overrides: dict) -> dict:
    """The config in which the user's named entries have replaced or removed the default's.

    `config` is the default and the user's `overrides` merged key by key, as Snakemake does it. In
    the sections of WHOLE an entry becomes what the user wrote. An entry that is null goes away, and
    with a sweep the figures that show it. A section that is no mapping stays, for the schema to
    refuse.
    """
    merged = {k: {} if v is None and k in NAMED else v for k, v in config.items()}
    if not all(isinstance(merged.get(section), dict) for section in NAMED):
        return merged
    removed = {name for name, sweep in merged["sweeps"].items() if sweep is None}
    for section in NAMED:
        entries = dict(merged[section])
        replaced = overrides.get(section)
        if section in WHOLE and isinstance(replaced, dict):
            entries |= copy.deepcopy({k: v for k, v in replaced.items() if k in entries})
        merged[section] = {name: entry for name, entry in entries.items() if entry is not None}
    merged["figures"] = {
        name: figure
        for name, figure in merged["figures"].items()
        if not isinstance(figure, dict)
        or not any(figure.get(key) == sweep for key in ("sweep", "beside") for sweep in removed)
    }
    for name, sweep in merged["sweeps"].items():
        over = sweep.get("over") if isinstance(sweep, dict) else None
        if isinstance(over, list) and any(sweep in over for sweep in removed):
            left = [other for other in over if other not in removed]
            merged["sweeps"][name] = {**sweep, "over": left}
    return merged


def complete(config: dict, whole_schema: dict) -> dict:
    """The config with its defaults filled in, checked, and with the keys of mappings sorted.

    Raises UserError, one line that names the key, unless the config is valid and meaningful.
    """
    filled = schema.with_defaults(config, whole_schema)
    schema.validate(filled, whole_schema)
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
