"""Checks of a config beyond its schema: names that must exist, sums, and bounds."""

from collections.abc import Iterable
from pathlib import Path

from ..data.corpora import accumulation_steps
from ..jobs.errors import UserError
from . import entries, registry

#: columns of texts and tables, which no scorer and no coordinate may have as a name
RESERVED = ("prompts", "scheme", "kind", "state", "texts", "text", "losses", "divergence", "metric")
RESERVED += ("prompt", "prompt_id", "sample_id", "text_id", "n_tokens", "n_texts", "n_empty")
RESERVED += ("ended", "length", "repetition", "dist1", "dist2", "dist3", "reference", "document")
RESERVED += ("quantity", "seed", "n_seeds", "mean", "low", "high", "sd")
RESERVED += ("seed_half_width", "prompts_half_width")
RESERVED += ("n_samples", "band_low", "band_high", "value", "special", "n_special")
#: ends of the names of metrics, after the name of a scorer
OF_SCORERS = ("share", "raw", "median", "mean", "slor")


def check(config: dict) -> None:
    """Raise UserError, one line that names the key, unless the sections fit each other.

    Sweeps and figures have checks of their own.
    """
    for name, source in config["sources"].items():
        _source(name, source)
    for name, prompts in config["prompts"].items():
        _selection(config, f"prompts.{name}", prompts)
    _splitting(config)
    _attributes(config)
    _corpora(config)
    _checkpoints(config)
    _scorers(config)
    _pretraining(config)


def require_name(key: str, kind: str, name: str, names: Iterable[str]) -> None:
    """Raise UserError, listing the names, unless `name` is one of them."""
    if name not in names:
        raise UserError(
            f"config: {key}: no {kind} is called {name!r}; there are {', '.join(sorted(names))}"
        )


def _source(name: str, source: dict) -> None:
    of_kind = entries.LOCATION[source["kind"]]
    optional = ["revision", "subset", "label", "document"]
    optional += ["sha256", "extract"] if source["kind"] == "url" else []
    for key in (*of_kind, *entries.READERS.get(source.get("reader"), ())):
        if source.get(key) is None and key not in optional:
            needed_by = f"kind {source['kind']}" if key in of_kind else "its reader"
            raise UserError(f"config: sources.{name}.{key}: missing; {needed_by} needs it")
    path = Path(source.get("path", ""))
    if source["kind"] == "path" and not path.exists():
        raise UserError(f"config: sources.{name}.path: no such file or folder: {path.absolute()}")


def _require_reader(config: dict, key: str, source: str) -> None:
    require_name(key, "source", source, config["sources"])
    if "reader" not in config["sources"][source]:
        raise UserError(f"config: {key}: source {source!r} declares no reader")


def _selection(config: dict, key: str, selection: dict) -> None:
    """A source has the ratings or the labels by which its texts are selected."""
    name = selection["source"]
    _require_reader(config, f"{key}.source", name)
    source = config["sources"][name]
    conditions = entries.selection(selection).keys()
    by_rating, by_label = bool(conditions - {"labels"}), "labels" in conditions
    if by_rating and by_label:
        raise UserError(f"config: {key}: ratings or labels, not both")
    if by_rating and source["reader"] != "rated":
        raise UserError(f"config: {key}: source {name!r} has no ratings")
    has_labels = source["reader"] == "trees" or (
        source["reader"] == "table" and source.get("label")
    )
    if by_label and not has_labels:
        raise UserError(f"config: {key}: source {name!r} has no labels")


def _text_of_poles(config: dict, key: str, text: dict, poles: list[str]) -> None:
    """Each pole, and nothing else, has a selection of texts."""
    if set(text) != set(poles):
        raise UserError(f"config: {key}: its keys must be {' and '.join(poles)}")
    for pole, selection in text.items():
        _selection(config, f"{key}.{pole}", selection)


def _splitting(config: dict) -> None:
    splitting = config["splitting"]
    if sum(splitting["parts"].values()) > 1 + 1e-9:
        raise UserError("config: splitting.parts: the fractions add up to more than 1")
    if abs(sum(splitting["splits"].values()) - 1) > 1e-9:
        raise UserError("config: splitting.splits: the fractions do not add up to 1")


def _attributes(config: dict) -> None:
    owners: dict[str, str] = {}
    for name, attribute in config["attributes"].items():
        key = f"attributes.{name}"
        _text_of_poles(config, f"{key}.text", attribute["text"], attribute["poles"])
        for pole in attribute["poles"]:
            if pole in owners:
                raise UserError(f"config: {key}.poles: {owners[pole]} has a pole {pole!r}, too")
            if pole in config["corpora"]:
                raise UserError(f"config: {key}.poles: a corpus is called {pole!r}, too")
            owners[pole] = name
        require_name(f"{key}.scorer", "scorer", attribute["scorer"], config["scorers"])
        for scorer in attribute["opinions"]:
            require_name(f"{key}.opinions", "scorer", scorer, config["scorers"])
        if config["scorers"][attribute["scorer"]]["kind"] != "classifier":
            raise UserError(f"config: {key}.scorer: must be of kind classifier")
        if "next_words" in attribute:
            words = attribute["next_words"]["words"]
            _next_words(f"config: {key}.next_words.words", words, attribute["poles"])


def _next_words(key: str, words: dict[str, list[str]], poles: list[str]) -> None:
    if set(words) != set(poles):
        raise UserError(f"{key}: its keys must be {' and '.join(poles)}")
    high, low = (words[pole] for pole in poles)
    for word in high:
        if word in low:
            raise UserError(f"{key}: {word!r} is a word of both poles")


def _corpora(config: dict) -> None:
    for name, corpus in config["corpora"].items():
        key = f"corpora.{name}"
        if corpus["kind"] == "texts":
            for source in corpus["sources"]:
                _require_reader(config, f"{key}.sources", source)
            continue
        _require_reader(config, f"{key}.source", corpus["source"])
        if config["sources"][corpus["source"]]["reader"] != "table":
            raise UserError(f"config: {key}.source: only reader table can stream")
    read_whole = _sources_read_whole(config)
    for name in entries.streamed(config):
        if name in read_whole:
            raise UserError(
                f"config: sources.{name}: is streamed, so nothing else can read it; declare"
                " another source of the same id for that"
            )


def _sources_read_whole(config: dict) -> set[str]:
    """The sources of text that jobs read as files."""
    texts = [attribute["text"] for attribute in config["attributes"].values()]
    for checkpoint in config["checkpoints"].values():
        texts += checkpoint.get("also_test_on", {}).values()
    names = {selection["source"] for text in texts for selection in text.values()}
    names |= {prompts["source"] for prompts in config["prompts"].values()}
    names |= {name for corpus in config["corpora"].values() for name in corpus.get("sources", [])}
    names |= {name for scorer in config["scorers"].values() for name in scorer.get("unigrams", [])}
    return names


def _checkpoints(config: dict) -> None:
    checkpoints = config["checkpoints"]
    for name, entry in checkpoints.items():
        key = f"checkpoints.{name}"
        if "of" in entry:
            _parents(checkpoints, name)
        if "source" in entry:
            require_name(f"{key}.source", "source", entry["source"], config["sources"])
            if "reader" in config["sources"][entry["source"]]:
                raise UserError(f"config: {key}.source: {entry['source']!r} is text, not a model")
        if "corpus" in entry:
            require_name(f"{key}.corpus", "corpus", entry["corpus"], config["corpora"])
        if "attribute" in entry:
            _training_text(config, key, entry)


def _parents(checkpoints: dict, name: str) -> None:
    """The checkpoint that one is made of exists, is no classifier, and is not made of the first."""
    key, parent = f"checkpoints.{name}.of", checkpoints[name]["of"]
    require_name(key, "checkpoint", parent, checkpoints)
    chain, ancestor = [name], parent
    while ancestor is not None:
        if ancestor in chain:
            raise UserError(f"config: {key}: {ancestor} is made of itself")
        chain.append(ancestor)
        ancestor = checkpoints.get(ancestor, {}).get("of")
    if checkpoints[parent]["kind"] == "classifier":
        raise UserError(f"config: {key}: {parent} is a classifier")


def _training_text(config: dict, key: str, entry: dict) -> None:
    """A checkpoint's attribute has its poles, and its other domains are other text."""
    require_name(f"{key}.attribute", "attribute", entry["attribute"], config["attributes"])
    attribute = config["attributes"][entry["attribute"]]
    for pole in entry.get("poles", []):
        require_name(f"{key}.poles", "pole", pole, attribute["poles"])
    trained_on = {selection["source"] for selection in attribute["text"].values()}
    for domain, text in entry.get("also_test_on", {}).items():
        domain_key = f"{key}.also_test_on.{domain}"
        _text_of_poles(config, domain_key, text, attribute["poles"])
        for source in sorted(trained_on & {selection["source"] for selection in text.values()}):
            raise UserError(
                f"config: {domain_key}: the classifier is trained on {source}, and tested on a part"
                " of it in any case"
            )
        # The table of tests calls its own domain by the names of its sources.
        if domain == "+".join(sorted(trained_on)):
            raise UserError(f"config: {domain_key}: the training text has that name")


def _scorers(config: dict) -> None:
    for name, scorer in config["scorers"].items():
        key = f"scorers.{name}"
        if name in RESERVED:
            raise UserError(f"config: {key}: tables have a column or an input of that name")
        for other in config["scorers"]:
            if name in [f"{other}_{end}" for end in OF_SCORERS]:
                raise UserError(f"config: {key}: tables have a column of that name for {other}")
        if scorer["kind"] == "tagger":
            require_name(f"{key}.source", "source", scorer["source"], config["sources"])
        if model := registry.scorer_checkpoint(scorer):
            require_name(f"{key}.model", "checkpoint", model, config["checkpoints"])
            _scorer_model(config, key, scorer, config["checkpoints"][model])
        if scorer["kind"] == "classifier":
            if len(scorer["labels"]) != len(scorer["values"]):
                raise UserError(f"config: {key}: needs as many values as labels")
            if 1 not in scorer["values"]:
                raise UserError(f"config: {key}.values: one label must count 1")
        if scorer["kind"] == "perplexity":
            for source in scorer["unigrams"]:
                _require_reader(config, f"{key}.unigrams", source)


def _scorer_model(config: dict, key: str, scorer: dict, checkpoint: dict) -> None:
    """A classifier that is trained here scores as one, with its labels in its order."""
    if checkpoint["kind"] != "classifier":
        return
    if scorer["kind"] == "perplexity":
        raise UserError(f"config: {key}.model: {scorer['model']} is a classifier")
    labels = config["attributes"][checkpoint["attribute"]]["poles"][::-1]
    if scorer["labels"] != labels:
        raise UserError(f"config: {key}.labels: those of {scorer['model']} are {labels}")


def _pretraining(config: dict) -> None:
    pretraining = config["pretraining"]
    tokenizer = pretraining["tokenizer"]
    if tokenizer["kind"] == "model":
        key, model = "pretraining.tokenizer.model", tokenizer["model"]
        require_name(key, "checkpoint", model, config["checkpoints"])
        ancestors = registry.with_parents(config, [model])
        if set(ancestors) & set(registry.of_kind(config, "pretrained")):
            raise UserError(f"config: {key}: {model} is pretrained with it")
    else:
        texts = [name for name, c in config["corpora"].items() if c["kind"] == "texts"]
        for corpus in tokenizer["corpora"]:
            require_name("pretraining.tokenizer.corpora", "corpus of kind texts", corpus, texts)
    if pretraining["warmup_steps"] >= pretraining["steps"]:
        raise UserError("config: pretraining.warmup_steps: must be fewer than the steps")
    if 0 < config["resources"]["pretrain"]["gpu"] < pretraining["processes"]:
        raise UserError(
            "config: resources.pretrain.gpu: fewer than pretraining.processes, which need one each"
        )
    try:
        accumulation_steps(
            pretraining["effective_batch"], pretraining["device_batch"], pretraining["processes"]
        )
    except UserError as error:
        raise UserError(f"config: pretraining.{error}") from None
