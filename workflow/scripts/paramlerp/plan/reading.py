"""Which text is read for what, and how: the params and inputs of the rules that read text."""

import os
from contextlib import suppress
from pathlib import Path

from ..config import entries, registry
from . import paths


def sources_of(text: dict) -> list[str]:
    """The sources that the text of poles (pole -> selection) is taken from, each once."""
    return list(dict.fromkeys(text[pole]["source"] for pole in sorted(text)))


def by_source(config: dict, text: dict) -> list[dict]:
    """For each of `sources_of`: how it is read, and which of its rows stand for which pole."""
    return [
        {
            "reading": entries.reading(config["sources"][name]),
            "selections": {
                pole: entries.selection(entry)
                for pole, entry in text.items()
                if entry["source"] == name
            },
        }
        for name in sources_of(text)
    ]


def readings(config: dict, sources: list[str]) -> list[dict]:
    """How each of these sources of text is read."""
    return [entries.reading(config["sources"][name]) for name in sources]


def prompts_from(config: dict, sources: list[str], in_use: list[str]) -> list[list[str]]:
    """For each of these sources: the files of prompts that are drawn from its texts.

    `in_use` names the sets of prompts that count. Two sources may be the same texts by two names,
    with the same ids of documents, whether both are pinned or not.
    """

    def identity(name: str) -> tuple:
        source = config["sources"][name]
        ids = [source.get(key) for key in ("reader", "subset", "document")]
        where = entries.location(source) | {"sha256": None, "revision": None}
        return where | {"path": paths.source(config, name)} if "path" in where else where, ids

    drawn_from = {name: identity(config["prompts"][name]["source"]) for name in in_use}
    return [
        [paths.PROMPTS.format(prompts=n) for n, of in drawn_from.items() if of == identity(source)]
        for source in sources
    ]


def prompt_files(config: dict, sources: list[str], in_use: list[str]) -> list[str]:
    """The files of `prompts_from`, each once: the inputs of a rule that leaves their text out."""
    by_source = prompts_from(config, sources, in_use)
    return list(dict.fromkeys(path for own in by_source for path in own))


def attribute_of(config: dict, checkpoint: str) -> dict:
    """The config's entry of the attribute on whose text a checkpoint is trained."""
    return config["attributes"][config["checkpoints"][checkpoint]["attribute"]]


def finetuning_texts(config: dict, checkpoint: str, split: str) -> list[str]:
    """The files of a split that a language model is fine-tuned on, one for each of its poles."""
    entry = config["checkpoints"][checkpoint]
    part = entry.get("part", "experts")
    return [paths.attribute_text(entry["attribute"], part, pole, split) for pole in entry["poles"]]


def classifier_texts(config: dict, checkpoint: str, split: str) -> list[str]:
    """The files of a split of a classifier's part: the low pole's, then the high pole's."""
    attribute = config["checkpoints"][checkpoint]["attribute"]
    low_first = reversed(config["attributes"][attribute]["poles"])
    return [paths.attribute_text(attribute, "classifier", pole, split) for pole in low_first]


def own_domain(config: dict, checkpoint: str) -> str:
    """What tables call the domain of a classifier's own text: the names of its sources."""
    return "+".join(sources_of(attribute_of(config, checkpoint)["text"]))


def validation_texts(config: dict, attribute: str) -> list[str]:
    """The files of an attribute's validation text, low pole first, that its scorer is checked on.

    The classifiers' part of the text, or the experts' if classifiers have none.
    """
    return _texts_of(config, attribute, ("classifier", "experts"), "validation")


def unseen_texts(config: dict, attribute: str) -> list[str]:
    """The files of an attribute's test text, low pole first: the experts' part if it has text."""
    return _texts_of(config, attribute, ("experts", "classifier"), "test")


def _texts_of(config: dict, attribute: str, parts: tuple[str, str], split: str) -> list[str]:
    first, second = parts
    part = first if config["splitting"]["parts"][first] > 0 else second
    low_first = reversed(config["attributes"][attribute]["poles"])
    return [paths.attribute_text(attribute, part, pole, split) for pole in low_first]


def other_domains(config: dict, checkpoint: str) -> dict[str, dict]:
    """Domain -> the text of each pole, of the other domains that a classifier is tested on."""
    return config["checkpoints"][checkpoint].get("also_test_on", {})


def other_sources(config: dict, checkpoint: str) -> list[str]:
    """The sources of `other_domains`, domain by domain."""
    domains = other_domains(config, checkpoint).values()
    return [name for text in domains for name in sources_of(text)]


def corpus_files(config: dict, corpus: str) -> list[str]:
    """The inputs that a corpus' text is read from; for a hub's stream, the file of its revision."""
    entry = config["corpora"][corpus]
    if entry["kind"] == "texts":
        return [paths.CORPUS.format(corpus=corpus)]
    source = entry["source"]
    return [paths.source(config, source), *paths.source_files(config, source)]


def corpus_text(config: dict, corpus: str) -> dict:
    """The arguments of `corpora.Documents` for a corpus."""
    entry = config["corpora"][corpus]
    if entry["kind"] == "texts":
        return {"where": paths.CORPUS.format(corpus=corpus), "column": "text"}
    source = config["sources"][entry["source"]]
    path = paths.source(config, entry["source"])
    columns = {"column": source["text"], "subset": source.get("subset")}
    if source["kind"] == "hub":
        return {"where": source["id"], "fetched": path, **columns}
    return {"where": path, **columns}


def tokenizer_corpora(config: dict) -> list[str]:
    """The folders of text that the tokenizer of pretraining is trained on."""
    corpora = config["pretraining"]["tokenizer"].get("corpora", [])
    return [paths.CORPUS.format(corpus=name) for name in corpora]


def classifier_settings(config: dict, checkpoint: str) -> dict:
    """How a classifier is trained, without whether it is calibrated after that."""
    settings = registry.training(config, checkpoint)
    return {key: value for key, value in settings.items() if key != "calibration"}


def training_settings(config: dict, checkpoint: str) -> dict:
    """How a language model is fine-tuned, without what the grid varies."""
    settings = registry.training(config, checkpoint)
    return {
        key: value
        for key, value in settings.items()
        if key not in (*registry.GRID, "keep_candidates")
    }


#: keys of the config's section `pretraining` that change the model
PRETRAINING = (
    "learning_rate",
    "weight_decay",
    "betas",
    "epsilon",
    "warmup_steps",
    "steps",
    "effective_batch",
    "device_batch",
    "block",
    "clip",
    "evaluate_every",
    "validation_texts",
    "processes",
    "compile",
)


def pretraining_settings(config: dict) -> dict:
    """How models are pretrained, without what changes no model (samples, saved states)."""
    return {key: config["pretraining"][key] for key in PRETRAINING}


def generation_settings(config: dict) -> dict:
    """How texts are generated, without how many and into which files."""
    return {key: config["generation"][key] for key in ("max_new_tokens", "top_p", "max_rows")}


def lines(path: str) -> list[str]:
    """The lines of a text file of the workflow's own."""
    return Path(path).read_text(encoding="utf-8").splitlines()


def two_models(config: dict) -> dict[str, dict]:
    """The directories that `check` compares, by config key, and the sizes and dates of their files.

    With these the check is made again when a file has changed. A directory that is not there, or
    cannot be read, has no files.
    """
    compared = {}
    for key in ("model_a", "model_b"):
        directory, files = config[key], {}
        with suppress(OSError, TypeError):
            stats = {entry.name: entry.stat() for entry in os.scandir(directory or "")}
            files = {name: [s.st_size, s.st_mtime_ns] for name, s in sorted(stats.items())}
        compared[key] = {"directory": directory, "files": files}
    return compared
