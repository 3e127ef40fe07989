"""The checkpoints of a config: what each is made of, its settings and seeds."""

import itertools
from collections.abc import Iterable

from ..jobs.seeds import seed_for

#: kind of checkpoint -> the config's section with its settings, which a checkpoint may override
SETTINGS = {"finetuned": "finetuning", "classifier": "classification"}
#: the settings that the grid of fine-tuning varies -> their short names in paths
GRID = {"learning_rate": "lr", "batch_size": "batch", "steps": "steps"}


def of_kind(config: dict, *kinds: str) -> list[str]:
    """The names of the checkpoints of these kinds."""
    return [name for name, entry in config["checkpoints"].items() if entry["kind"] in kinds]


def training(config: dict, checkpoint: str) -> dict:
    """How a checkpoint is trained: the section of its kind, overridden by its own keys."""
    entry = config["checkpoints"][checkpoint]
    section = SETTINGS[entry["kind"]]
    return {**config[section], **entry.get(section, {})}


def is_calibrated(config: dict, checkpoint: str) -> bool:
    """Whether a checkpoint is a classifier that is trained and calibrated here."""
    is_classifier = config["checkpoints"][checkpoint]["kind"] == "classifier"
    return is_classifier and training(config, checkpoint)["calibration"]


def grid(config: dict, checkpoint: str) -> dict[str, dict]:
    """The settings that fine-tuning tries (table 1): name in paths -> values.

    Different values have different names: a learning rate is written with all its digits.
    """
    lists = training(config, checkpoint)
    axes = [[float(rate) for rate in lists["learning_rate"]], lists["batch_size"], lists["steps"]]
    settings = (dict(zip(GRID, values, strict=True)) for values in itertools.product(*axes))
    return {
        "_".join(f"{short}={setting[key]!r}" for key, short in GRID.items()): setting
        for setting in settings
    }


def scorer_checkpoint(scorer: dict) -> str | None:
    """The checkpoint that a scorer uses, or None for kinds of scorers that use none.

    These may still have the key `model` from a config that they were laid over.
    """
    return scorer["model"] if scorer["kind"] in ("classifier", "perplexity") else None


def with_parents(config: dict, checkpoints: Iterable[str]) -> list[str]:
    """These checkpoints and all that they are made of, sorted."""
    names, waiting = set(), list(checkpoints)
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            parent = config["checkpoints"][name].get("of")
            waiting += [parent] if parent else []
    return sorted(names)


def seed(config: dict, checkpoint: str, purpose: str, *values) -> int:
    """The seed of one of a checkpoint's random streams: a hash of `names_of_seed`."""
    return seed_for(*names_of_seed(config, checkpoint, purpose, *values))


def names_of_seed(config: dict, checkpoint: str, purpose: str, *values) -> tuple:
    """The values that a checkpoint's seed derives from, never a name or a path.

    They are the config's seed, the stream's purpose, the values of a setting, and the checkpoint's
    `seed` if it has one.
    """
    number = config["checkpoints"][checkpoint].get("seed")
    return (config["seed"], purpose, *values, *([] if number is None else [number]))


def order(config: dict) -> int:
    """The seed of the order in which pretraining reads the text: the same for all checkpoints."""
    return seed_for(config["seed"], "order")


def symbols(config: dict) -> dict[str, str]:
    """What figures call each checkpoint."""
    return {name: entry.get("symbol", name) for name, entry in config["checkpoints"].items()}
