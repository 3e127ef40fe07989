"""Sweeps that are measured again with each model trained again: `seeds` of a sweep.

A sweep's `seeds` stand for copies of its entry, of its schemes, and of the fine-tuned checkpoints
that these mix. The copies are entries like those that a user writes, so paths, jobs, costs and
reruns of them need no code of their own.
"""

from ..jobs.errors import UserError

#: sections that get copies -> what their entries are called in messages
COPIED = {"checkpoints": "checkpoint", "schemes": "scheme", "sweeps": "sweep"}


def copy_name(name: str, seed: int) -> str:
    """What the copy of a checkpoint, a scheme or a sweep for a seed is called: g1_seed2."""
    return f"{name}_seed{seed}"


def with_repetitions(config: dict) -> dict:
    """The config with the copies that the `seeds` of its sweeps stand for.

    For each seed: a copy of each fine-tuned checkpoint that the sweep's schemes mix, with that
    `seed`; a copy of each scheme, of these; and a copy of the sweep. If a fine-tuned checkpoint is
    made of another one, that one is trained again too, and a permuted copy of a fine-tuned one is
    made again. All other checkpoints stay. Sweeps share copies as they share what is copied.

    `config` fits the schema. Names in it that do not exist are left for the checks to report.
    Raises UserError, one line that names the key, if there is nothing to train again, if the seed
    is that of the first training, if the sweep that one is compared with lacks a seed, or if an
    entry of the config has the name of a copy.
    """
    copies: dict[str, dict] = {section: {} for section in COPIED}
    for name, entry in config["sweeps"].items():
        for seed in map(int, entry["seeds"]):
            _add_copies(config, copies, name, seed)
    for section, kind in COPIED.items():
        for taken in copies[section].keys() & config[section].keys():
            raise UserError(
                f"config: {section}.{taken}: a sweep's seeds make a {kind} of that name; give"
                " yours another"
            )
    return {**config, **{section: {**config[section], **copies[section]} for section in COPIED}}


def _add_copies(config: dict, copies: dict, name: str, seed: int) -> None:
    """Add to `copies` those of one sweep for one seed."""
    key, entry = f"config: sweeps.{name}", config["sweeps"][name]
    for title in entry["schemes"]:
        if title not in config["schemes"]:
            continue
        scheme = config["schemes"][title]
        again = [c for c in _mixed(scheme) if _is_trained_again(config, c)]
        if not again:
            raise UserError(f"{key}.seeds: {title} mixes no fine-tuned checkpoint")
        for checkpoint in again:
            _add_checkpoint(config, copies["checkpoints"], f"{key}.seeds", checkpoint, seed)
        renamed = {checkpoint: copy_name(checkpoint, seed) for checkpoint in again}
        copies["schemes"][copy_name(title, seed)] = _with_names(scheme, renamed)
    titles = [copy_name(title, seed) for title in entry["schemes"]]
    # Overlays are drawn over a plane for themselves: those of another seed lie on another plane.
    copy = {**entry, "schemes": titles, "seeds": [], "over": []}
    against = entry.get("against")
    if against in config["sweeps"]:
        if seed not in config["sweeps"][against]["seeds"]:
            raise UserError(
                f"{key}.seeds: sweeps.{against}, which it is compared with, has no seed {seed}"
            )
        copy["against"] = copy_name(against, seed)
    copies["sweeps"][copy_name(name, seed)] = copy


def _mixed(scheme: dict) -> list[str]:
    """The checkpoints in a scheme's entry, each once: the keys of its origin and directions."""
    parts = [part for part in scheme.values() if isinstance(part, dict)]
    return list(dict.fromkeys(name for part in parts for name in part))


def _with_names(scheme: dict, renamed: dict[str, str]) -> dict:
    """A scheme's entry with other names of checkpoints, wherever it names one."""

    def part(key: str, value):
        if isinstance(value, dict):
            return {renamed.get(name, name): coefficient for name, coefficient in value.items()}
        return renamed.get(value, value) if key == "nucleus_of" else value

    return {key: part(key, value) for key, value in scheme.items()}


def _is_trained_again(config: dict, name: str) -> bool:
    """Whether a checkpoint is fine-tuned, or a permuted copy of one that is."""
    seen = set()
    while name not in seen:
        seen.add(name)
        entry = config["checkpoints"].get(name, {})
        if entry.get("kind") == "finetuned":
            return True
        if entry.get("kind") != "permuted" or "of" not in entry:
            return False
        name = entry["of"]
    return False  # made of itself, which the checks report


def _add_checkpoint(config: dict, copies: dict, key: str, name: str, seed: int) -> None:
    """Add a checkpoint's copy for a seed, and the copies of those that it is made of."""
    if copy_name(name, seed) in copies:
        return
    entry = config["checkpoints"][name]
    # In figures it is called as the first one is.
    copy = {**entry, "symbol": entry.get("symbol", name)}
    if entry["kind"] == "finetuned":
        if entry.get("seed") == seed:
            raise UserError(f"{key}: {seed} is the seed of checkpoints.{name} itself")
        copy["seed"] = seed
    copies[copy_name(name, seed)] = copy
    if _is_trained_again(config, entry["of"]):
        copy["of"] = copy_name(entry["of"], seed)
        _add_checkpoint(config, copies, key, entry["of"], seed)
