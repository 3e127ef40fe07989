"""Where sources, texts and checkpoints lie: the one place that spells their paths."""

import os

from ..config import registry

#: texts, scores, losses... at a point of a scheme, or along a line of points
TEXTS = "results/generations/{prompts}/{scheme}/{point}/samples={samples}.jsonl"
SCORES = "results/scores/{prompts}/{scheme}/{scorer}/{point}/samples={samples}.csv"
LOSSES = "results/losses/{scheme}/{point}.csv"
DIVERGENCE = "results/divergence/{scheme}/{point}.csv"
NEXT_WORDS = "results/next_words/{attribute}/{scheme}/{point}.csv"
MERGED = "results/merged/{scheme}/{point}"
PROMPTS = "results/prompts/{prompts}.jsonl"
#: the AUC of an attribute's scorer, and the first one that passed, which texts wait for
SCORER_CHECK = "results/data/{attribute}/scorer.csv"
PASSED = "results/data/{attribute}/scorer_passed.csv"
#: what `snakemake first` shows
FIRST = "results/first.txt"
#: what `snakemake pick` shows, and the point that it chose
PICK = "results/pick/report.txt"
CHOICE = "results/pick/choice.json"
#: what `snakemake check` says of two models
CHECK = "results/check/report.txt"
#: pretraining text
CORPUS = "results/corpora/{corpus}/train"
HELD_OUT = "results/corpora/{corpus}/held_out.jsonl"
#: losses of guesses without context on the held-out text
BASELINES = "results/corpora/{corpus}/baselines.csv"


def source(config: dict, name: str) -> str:
    """A source: the user's own file or folder, or what the rule `fetch` makes."""
    entry = config["sources"][name]
    if entry["kind"] == "path":
        return os.path.normpath(entry["path"])
    return f"results/sources/{name}"


def source_files(config: dict, *names: str) -> list[str]:
    """The files inside the user's own folders among these sources.

    They are inputs beside the folder, since a folder's date does not change with its files.
    """
    folders = [source(config, name) for name in names if config["sources"][name]["kind"] == "path"]
    return [file for folder in folders if os.path.isdir(folder) for file in _files_below(folder)]


def _files_below(folder: str) -> list[str]:
    return sorted(
        os.path.join(parent, file) for parent, _, files in os.walk(folder) for file in files
    )


def checkpoint(name: str) -> str:
    """The HF directory of a checkpoint."""
    return f"results/checkpoints/{name}"


def table(name: str, ending: str = "") -> str:
    """A sweep's table; with an ending, such as "differences", that table of it."""
    return f"results/tables/{name}{ending and '_' + ending}.csv"


def calibrations(config: dict, name: str) -> list[str]:
    """The file of a checkpoint's calibration; none if it is not calibrated."""
    return [f"{checkpoint(name)}.calibration.json"] if registry.is_calibrated(config, name) else []


def attribute_text(attribute: str, part: str, pole: str, split: str) -> str:
    """One split of one pole's texts in one part of an attribute's text."""
    return f"results/data/{attribute}/{part}/{pole}/{split}.jsonl"


def candidates(config: dict, checkpoint: str) -> list[str]:
    """The directories of all settings that are tried for a checkpoint."""
    return [
        f"results/candidates/{checkpoint}/{setting}"
        for setting in registry.grid(config, checkpoint)
    ]


def test_text(config: dict, name: str) -> str:
    """A set of test text: a corpus' held-out texts, or a pole's texts that no expert has seen."""
    if name in config["corpora"]:
        return HELD_OUT.format(corpus=name)
    (attribute,) = (n for n, entry in config["attributes"].items() if name in entry["poles"])
    return attribute_text(attribute, "experts", name, "test")
