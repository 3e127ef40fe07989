"""The checkpoints of a config: how each is made, where it lies, what it is made of, its seeds."""

import itertools
from collections.abc import Iterable

from ..jobs.seeds import seed_for

#: config sections that say how a kind of checkpoint is trained; a checkpoint may have its own keys
SETTINGS = {"finetuned": "finetuning", "classifier": "classification"}
#: what a grid of fine-tuning is over, each with its short name in paths
GRID = {"learning_rate": "lr", "batch_size": "batch", "steps": "steps"}


def path(checkpoint: str) -> str:
    """The HF directory of a checkpoint."""
    return f"results/checkpoints/{checkpoint}"


def of_kind(config: dict, *kinds: str) -> list[str]:
    """Names of the checkpoints that are made in one of these ways."""
    return [name for name, own in config["checkpoints"].items() if own["kind"] in kinds]


def training(config: dict, checkpoint: str) -> dict:
    """How a checkpoint is trained: its kind's section, and over it the keys of its own."""
    own = config["checkpoints"][checkpoint]
    section = SETTINGS[own["kind"]]
    return {**config[section], **own.get(section, {})}


def grid(config: dict, checkpoint: str) -> dict[str, dict]:
    """The settings that fine-tuning tries (table 1): name in paths -> the values.

    Values that differ give names that differ: a rate is written with all its digits.
    """
    how = training(config, checkpoint)
    axes = [[float(rate) for rate in how["learning_rate"]], how["batch_size"], how["steps"]]
    settings = (dict(zip(GRID, values, strict=True)) for values in itertools.product(*axes))
    return {
        "_".join(f"{short}={setting[key]!r}" for key, short in GRID.items()): setting
        for setting in settings
    }


def judge(scorer: dict) -> str | None:
    """The checkpoint that a scorer judges by. Of another kind, it may have a name left over."""
    return scorer["model"] if scorer["kind"] in ("classifier", "perplexity") else None


def with_parents(config: dict, checkpoints: Iterable[str]) -> list[str]:
    """These checkpoints and all that they are made of, sorted."""
    found, waiting = set(), list(checkpoints)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            parent = config["checkpoints"][name].get("of")
            waiting += [parent] if parent else []
    return sorted(found)


def seed(config: dict, checkpoint: str, purpose: str, *values, key: str | None = None) -> int:
    """The seed of one of a checkpoint's random streams.

    It derives from the config's seed, what it is for, the values of a setting, and the
    checkpoint's own number, if it has one: never from a name or a path. `seeds` of the config
    puts a raw one in its place, by the checkpoint's name and `key`.
    """
    raw = _raw(config, checkpoint, key)
    return seed_for(*names_of_seed(config, checkpoint, purpose, *values)) if raw is None else raw


def names_of_seed(config: dict, checkpoint: str, purpose: str, *values) -> tuple:
    """What a seed of a checkpoint derives from; a raw seed alone, if there is one."""
    raw = _raw(config, checkpoint)
    if raw is not None:
        return (raw,)
    number = config["checkpoints"][checkpoint].get("seed")
    return (config["seed"], purpose, *values, *([] if number is None else [number]))


def _raw(config: dict, checkpoint: str, key: str | None = None) -> int | None:
    return config.get("seeds", {}).get("/".join(filter(None, [checkpoint, key])))


def order(config: dict, checkpoint: str) -> int:
    """The seed of the order in which a pretrained checkpoint reads its text: one for all."""
    raw = _raw(config, checkpoint, "order")
    return seed_for(config["seed"], "order") if raw is None else raw


def symbols(config: dict) -> dict[str, str]:
    """What figures call each checkpoint."""
    return {name: own.get("symbol", name) for name, own in config["checkpoints"].items()}
