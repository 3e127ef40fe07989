"""What a config must mean, beyond what its schema can say: names that are there, sums, bounds."""

from collections.abc import Iterable
from pathlib import Path

from ..data.corpora import accumulation
from ..jobs.errors import UserError
from . import registry

#: what says where a source is; keys of other kinds are left over from a config beneath
KINDS = {
    "package": ("name", "version", "sha256", "extract"),
    "url": ("url", "sha256", "extract"),
    "hub": ("id", "revision"),
    "path": ("path",),
}
#: what says how a source of text is read
READERS = {"rated": (), "trees": (), "table": ("subset", "text", "label")}
#: what says which texts of a source are meant
SELECTION = ("at_least", "at_most", "labels")

#: columns of texts and tables, which no scorer and no coordinate may be called
RESERVED = ("prompts", "scheme", "kind", "state", "texts", "text", "losses", "divergence", "metric")
RESERVED += ("prompt", "prompt_id", "sample_id", "text_id", "n_tokens", "n_texts", "n_empty")
RESERVED += ("ended", "length", "repetition", "dist1", "dist2", "dist3", "reference", "place")


def all_of(config: dict) -> None:
    """Raise UserError, one line naming the key, unless a config of the schema means something."""
    for name, source in config["sources"].items():
        _source(name, source)
    for name, prompts in config["prompts"].items():
        _selection(config, f"prompts.{name}", prompts)
    _attributes(config)
    _corpora(config)
    _checkpoints(config)
    _scorers(config)
    _seeds(config)
    _pretraining(config)


def _source(name: str, source: dict) -> None:
    needed = [*KINDS[source["kind"]], *READERS.get(source.get("reader"), ())]
    optional = ["revision", "subset", "label"]
    optional += ["sha256", "extract"] if source["kind"] == "url" else []
    for key in needed:
        if source.get(key) is None and key not in optional:
            which = f"kind {source['kind']}" if key in KINDS[source["kind"]] else "its reader"
            raise UserError(f"config: sources.{name}.{key}: missing; {which} needs it")
    path = Path(source.get("path", ""))
    if source["kind"] == "path" and not path.exists():
        raise UserError(f"config: sources.{name}.path: no such file or folder: {path.absolute()}")


def _selection(config: dict, key: str, selection: dict) -> None:
    """Of a source's texts some: by what its reader gives them, a rating or a label."""
    _reader(config, f"{key}.source", selection["source"])
    own = config["sources"][selection["source"]]
    given = {name for name in SELECTION if selection.get(name) is not None}
    rated, labelled = bool(given - {"labels"}), "labels" in given
    if rated and labelled:
        raise UserError(f"config: {key}: ratings or labels, not both")
    if rated and own["reader"] != "rated":
        raise UserError(f"config: {key}: source {selection['source']!r} has no ratings")
    has_labels = own["reader"] == "trees" or (own["reader"] == "table" and own.get("label"))
    if labelled and not has_labels:
        raise UserError(f"config: {key}: source {selection['source']!r} has no labels")


def _attributes(config: dict) -> None:
    splitting = config["splitting"]
    if sum(splitting["parts"].values()) > 1 + 1e-9:
        raise UserError("config: splitting.parts: the fractions add up to more than 1")
    if abs(sum(splitting["splits"].values()) - 1) > 1e-9:
        raise UserError("config: splitting.splits: the fractions do not add up to 1")
    poles: dict[str, str] = {}
    for name, own in config["attributes"].items():
        key = f"attributes.{name}"
        _text(config, f"{key}.text", own["text"], own["poles"])
        for pole in own["poles"]:
            if pole in poles:
                raise UserError(f"config: {key}.poles: {poles[pole]} has a pole {pole!r}, too")
            if pole in config["corpora"]:
                raise UserError(f"config: {key}.poles: a corpus is called {pole!r}, too")
            poles[pole] = name
        for which in ("scorer", "opinions"):
            names = [own[which]] if which == "scorer" else own.get(which, [])
            for scorer in names:
                among(f"{key}.{which}", "scorer", scorer, config["scorers"])
        if config["scorers"][own["scorer"]]["kind"] != "classifier":
            raise UserError(f"config: {key}.scorer: must be of kind classifier")
        words = own.get("next_words", {}).get("words")
        if words is not None and set(words) != set(own["poles"]):
            raise UserError(
                f"config: {key}.next_words.words: it takes {' and '.join(own['poles'])}, no more"
            )
        for word in words[own["poles"][0]] if words else ():
            if word in words[own["poles"][1]]:
                raise UserError(
                    f"config: {key}.next_words.words: {word!r} is among those of both poles"
                )


def _corpora(config: dict) -> None:
    for name, corpus in config["corpora"].items():
        key = f"corpora.{name}.source"
        if corpus["kind"] == "texts":
            for source in corpus["sources"]:
                _reader(config, f"{key}s", source)
            continue
        _reader(config, key, corpus["source"])
        if config["sources"][corpus["source"]]["reader"] != "table":
            raise UserError(f"config: {key}: only what reader table reads is streamed")
    elsewhere = [s["source"] for own in config["attributes"].values() for s in own["text"].values()]
    elsewhere += [prompts["source"] for prompts in config["prompts"].values()]
    elsewhere += [name for c in config["corpora"].values() for name in c.get("sources", [])]
    elsewhere += [n for scorer in config["scorers"].values() for n in scorer.get("unigrams", [])]
    domains = [
        d for c in config["checkpoints"].values() for d in c.get("also_test_on", {}).values()
    ]
    elsewhere += [s["source"] for text in domains for s in text.values()]
    for name in streamed(config):
        if name in elsewhere:
            raise UserError(
                f"config: sources.{name}: is streamed, so nothing else can read it; for that"
                " declare another source of the same id"
            )


def _checkpoints(config: dict) -> None:
    checkpoints = config["checkpoints"]
    for name, own in checkpoints.items():
        key = f"checkpoints.{name}"
        if "of" in own:
            among(f"{key}.of", "checkpoint", own["of"], checkpoints)
            seen, at = [name], own["of"]
            while at is not None:
                if at in seen:
                    raise UserError(f"config: {key}.of: {at} is made of itself")
                seen.append(at)
                at = checkpoints.get(at, {}).get("of")
            if checkpoints[own["of"]]["kind"] == "classifier":
                raise UserError(f"config: {key}.of: {own['of']} is a classifier")
        if "source" in own:
            among(f"{key}.source", "source", own["source"], config["sources"])
            if "reader" in config["sources"][own["source"]]:
                raise UserError(f"config: {key}.source: {own['source']!r} is text, not a model")
        if "corpus" in own:
            among(f"{key}.corpus", "corpus", own["corpus"], config["corpora"])
        if "attribute" in own:
            _on_attribute(config, key, own)


def _on_attribute(config: dict, key: str, own: dict) -> None:
    among(f"{key}.attribute", "attribute", own["attribute"], config["attributes"])
    attribute = config["attributes"][own["attribute"]]
    for pole in own.get("poles", []):
        among(f"{key}.poles", "pole", pole, attribute["poles"])
    trained_on = "+".join(sorted({s["source"] for s in attribute["text"].values()}))
    for domain, text in own.get("also_test_on", {}).items():
        _text(config, f"{key}.also_test_on.{domain}", text, attribute["poles"])
        seen = {selection["source"] for selection in attribute["text"].values()}
        for source in sorted(seen & {selection["source"] for selection in text.values()}):
            raise UserError(
                f"config: {key}.also_test_on.{domain}: {source} is what it is trained on; it is"
                " tested on a part of that in any case"
            )
        if domain == trained_on:
            raise UserError(f"config: {key}.also_test_on.{domain}: is what it is trained on")


def _text(config: dict, key: str, text: dict, poles: list[str]) -> None:
    """For each pole the texts that stand for it."""
    if set(text) != set(poles):
        raise UserError(f"config: {key}: it takes {' and '.join(poles)}, no more")
    for pole, selection in text.items():
        _selection(config, f"{key}.{pole}", selection)


def _scorers(config: dict) -> None:
    checkpoints = config["checkpoints"]
    for name, scorer in config["scorers"].items():
        key = f"scorers.{name}"
        if scorer["kind"] == "tagger":
            among(f"{key}.source", "source", scorer["source"], config["sources"])
        if model := registry.judge(scorer):
            among(f"{key}.model", "checkpoint", model, checkpoints)
            trained = checkpoints[model]["kind"] == "classifier"
            if trained and scorer["kind"] == "perplexity":
                raise UserError(f"config: {key}.model: {model} is a classifier")
            poles = (
                config["attributes"][checkpoints[model]["attribute"]]["poles"] if trained else []
            )
            if trained and scorer["labels"] != poles[::-1]:
                raise UserError(f"config: {key}.labels: those of {model} are {poles[::-1]}")
        if name in RESERVED:
            raise UserError(f"config: {key}: tables have a column or an input of that name")
        if scorer["kind"] == "classifier" and len(scorer["labels"]) != len(scorer["values"]):
            raise UserError(f"config: {key}: as many labels as values, please")
        if scorer["kind"] == "classifier" and 1 not in scorer["values"]:
            raise UserError(f"config: {key}.values: one label must count 1")
        for source in scorer["unigrams"] if scorer["kind"] == "perplexity" else ():
            _reader(config, f"{key}.unigrams", source)


def _seeds(config: dict) -> None:
    """Raw seeds are of random streams that there are."""
    known = set(registry.of_kind(config, "classifier", "permuted"))
    for name in registry.of_kind(config, "finetuned"):
        known |= {f"{name}/{setting}" for setting in registry.grid(config, name)}
    for name in registry.of_kind(config, "pretrained"):
        known |= {f"{name}/{key}" for key in ("training", "weights", "order")}
    for key in config.get("seeds", {}):
        if key not in known:
            raise UserError(f"config: seeds: {key}: nothing is trained that is called so")


def _pretraining(config: dict) -> None:
    how = config["pretraining"]
    if how["tokenizer"]["kind"] == "model":
        own = how["tokenizer"]["model"]
        among("pretraining.tokenizer.model", "checkpoint", own, config["checkpoints"])
        parents = registry.with_parents(config, [own])
        if set(parents) & set(registry.of_kind(config, "pretrained")):
            raise UserError(f"config: pretraining.tokenizer.model: {own} is pretrained with it")
    for name in how["tokenizer"]["corpora"] if how["tokenizer"]["kind"] == "bpe" else ():
        texts = [n for n, c in config["corpora"].items() if c["kind"] == "texts"]
        among("pretraining.tokenizer.corpora", "corpus of kind texts", name, texts)
    if how["warmup_steps"] >= how["steps"]:
        raise UserError("config: pretraining.warmup_steps: as many as the steps, or more")
    if 0 < config["resources"]["pretrain"]["gpu"] < how["processes"]:
        raise UserError(
            "config: resources.pretrain.gpu: fewer than pretraining.processes, which have one each"
        )
    try:
        accumulation(how["effective_batch"], how["device_batch"], how["processes"])
    except UserError as error:
        raise UserError(f"config: pretraining.{error}") from None


def among(key: str, what: str, name: str, known: Iterable[str]) -> None:
    """Raise UserError, telling what there is, unless a name is among them."""
    if name not in known:
        raise UserError(
            f"config: {key}: no {what} is called {name!r}; there are {', '.join(sorted(known))}"
        )


def _reader(config: dict, key: str, source: str) -> None:
    among(key, "source", source, config["sources"])
    if "reader" not in config["sources"][source]:
        raise UserError(f"config: {key}: source {source!r} declares no reader")


def streamed(config: dict) -> list[str]:
    """The hub's sources that are read as they are used, and never downloaded."""
    names = [c["source"] for c in config["corpora"].values() if c["kind"] == "stream"]
    return [name for name in names if config["sources"][name]["kind"] == "hub"]
