"""The config: checked once, then read through these functions."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from . import schemes
from .corpora import accumulation
from .errors import UserError
from .names import POLES

#: what says where a source is; keys of other kinds are left over from a config beneath
KINDS = {
    "package": ("name", "version", "sha256", "extract"),
    "url": ("url", "sha256", "extract"),
    "hub": ("id", "revision"),
    "path": ("path",),
}
#: what says how a source of text is read
READERS = {
    "rated": ("positive_from", "negative_to", "neutral_within"),
    "trees": ("positive", "negative", "neutral"),
    "table": ("subset", "text", "label", "positive", "negative", "neutral"),
}

#: kind of scorer -> where the config says what models are trained here for it
TRAINED = {"classifier": "classifiers", "perplexity": "language_models"}

#: what `b` of a pair may be of its `a`
OF_A = (*POLES, "permuted")

#: scorers of ensembles and of the lattice: what figures 6 and 7 show
COMPARED = ["sentiment", "perplexity"]
#: scorers of pairs: what figure 10 shows
JUDGED = ["perplexity", "grammar"]

#: the kinds of scorer that can fill the columns and panels of these names
_COLUMNS = {
    "sentiment": ("classifier",),
    "grammar": ("classifier", "tagger"),
    "perplexity": ("perplexity",),
}


def check(config: dict, schema_file) -> None:
    """Raise UserError, one line naming the key, unless `config` is valid and means something."""
    schema = yaml.safe_load(Path(schema_file).read_text(encoding="utf-8"))
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: list(e.path))
    if errors:
        raise UserError(f"config: {_say(errors[0])}")
    for name, source in config["sources"].items():
        _check_source(name, source)
    _check_models(config)
    if sum(config["corpus"]["parts"].values()) > 1 + 1e-9:
        raise UserError("config: corpus.parts: the fractions add up to more than 1")
    if abs(sum(config["corpus"]["splits"].values()) - 1) > 1e-9:
        raise UserError("config: corpus.splits: the fractions do not add up to 1")
    _require_reader(config, "corpus.source", config["corpus"]["source"])
    for name, prompts in config["prompts"].items():
        _require_reader(config, f"prompts.{name}.source", prompts["source"])
    _check_sweeps(config)
    _check_pretraining(config)
    for word in config["next_words"]["positive"]:
        if word in config["next_words"]["negative"]:
            raise UserError(f"config: next_words.negative: {word!r} is among the positive, too")


def in_order(config):
    """The same config with the keys of every mapping sorted.

    Snakemake compares params as they are printed, so the order in which somebody
    writes keys down would otherwise run jobs again.
    """
    if isinstance(config, dict):
        return {key: in_order(config[key]) for key in sorted(config)}
    return [in_order(value) for value in config] if isinstance(config, list) else config


def _say(error) -> str:
    path = ".".join(map(str, error.absolute_path)) or "(top level)"
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        return f"{path}: unknown key {', '.join(unknown)}; known: {', '.join(known)}"
    return f"{path}: {error.message:.200}"


def _check_source(name: str, source: dict) -> None:
    needed = [*KINDS[source["kind"]], *READERS.get(source.get("reader"), ())]
    optional = ["revision", "subset", "label", "positive", "negative", "neutral"]
    optional += ["sha256", "extract"] if source["kind"] == "url" else []
    for key in needed:
        if source.get(key) is None and key not in optional:
            which = f"kind {source['kind']}" if key in KINDS[source["kind"]] else "its reader"
            raise UserError(f"config: sources.{name}.{key}: missing; {which} needs it")
    path = Path(source.get("path", ""))
    if source["kind"] == "path" and not path.exists():
        raise UserError(f"config: sources.{name}.path: no such file or folder: {path.absolute()}")


def _check_models(config: dict) -> None:
    if "base" not in config["sources"]:
        raise UserError("config: sources.base: missing; it is the model that experts start from")
    names = list(config["sources"])
    for kind in TRAINED.values():
        _require_new(kind, config[kind], names)
        names += config[kind]
    for name, kinds in _COLUMNS.items():
        if config["scorers"][name]["kind"] not in kinds:
            raise UserError(f"config: scorers.{name}.kind: must be {' or '.join(kinds)}")
    models = model_sources(config)
    for name, scorer in config["scorers"].items():
        if "model" in scorer:
            trained = config[TRAINED[scorer["kind"]]] if scorer["kind"] in TRAINED else ()
            _require_model(f"scorers.{name}.model", scorer["model"], [*models, *trained])
        if scorer["kind"] == "classifier" and len(scorer["labels"]) != len(scorer["values"]):
            raise UserError(f"config: scorers.{name}: as many labels as values, please")
        if scorer["kind"] == "classifier" and 1 not in scorer["values"]:
            raise UserError(f"config: scorers.{name}.values: one label must count 1")
        for source in scorer.get("unigrams", []):
            _require_reader(config, f"scorers.{name}.unigrams", source)
    for name in in_use(config, "language_models"):
        _require_model(
            f"language_models.{name}.model", config["language_models"][name]["model"], models
        )
        if config["corpus"]["parts"]["language_model"] == 0:
            raise UserError(f"config: corpus.parts.language_model: 0, but {name} is trained on it")
    for name in in_use(config, "classifiers"):
        classifier = config["classifiers"][name]
        _require_model(f"classifiers.{name}.encoder", classifier["encoder"], models)
        if config["corpus"]["parts"]["classifier"] == 0:
            raise UserError(f"config: corpus.parts.classifier: 0, but {name} is trained on it")
        if config["corpus"]["source"] in classifier["also_test_on"]:
            raise UserError(
                f"config: classifiers.{name}.also_test_on: {config['corpus']['source']} is what it"
                " is trained on; it is tested on a part of that in any case"
            )
        for domain in classifier["also_test_on"]:
            _require_reader(config, f"classifiers.{name}.also_test_on", domain)


def _check_sweeps(config: dict) -> None:
    sweeps, places = config["sweeps"], {}
    for scheme, sweep in sweeps.items():
        key = f"config: sweeps.{scheme}"
        for own, owner in (("truncated", "ensemble"), ("pairs", "pair"), ("corpora", "pair")):
            if own in sweep and scheme != owner:
                raise UserError(f"{key}.{own}: only sweeps.{owner} has that")
        try:
            places[scheme] = alphas(sweep["alphas"])
        except UserError as error:
            raise UserError(f"{key}.alphas: {error}") from None
        for prompts in sweep["prompts"]:
            if prompts not in config["prompts"]:
                raise UserError(f"{key}.prompts: no prompt set {prompts!r}")
    if len(places["g3"]) == 1:
        raise UserError("config: sweeps.g3.alphas: a lattice has two values or more, or none")
    if places["pair"] and not {"0.000", "1.000"} <= set(places["pair"]):
        raise UserError("config: sweeps.pair.alphas: 0 and 1 must be among them, the pair itself")
    # What is shown beside another must be there of the other, too.
    prompts = {scheme: sweep["prompts"] for scheme, sweep in sweeps.items()}
    if places["g2"]:
        _require_within("prompts", "g2", prompts["g2"], "g1", prompts["g1"])
    if places["ensemble"]:
        _require_within("alphas", "ensemble", places["ensemble"], "g2", places["g2"])
        _require_within("prompts", "ensemble", prompts["ensemble"], "g2", prompts["g2"])
    for scheme, other in (("ensemble", "g2"), ("g3", "g1"), ("g3", "g2")):
        mine, theirs = sweeps[scheme]["samples"], sweeps[other]["samples"]
        if places[scheme] and places[other] and mine > theirs:
            _require_within("samples", scheme, [mine], other, [theirs])


def _check_pretraining(config: dict) -> None:
    how, sources = config["pretraining"], config["sources"]
    for name, corpus in config["corpora"].items():
        key = f"corpora.{name}.source"
        if corpus["kind"] == "texts":
            for source in corpus["sources"]:
                _require_reader(config, f"{key}s", source)
            continue
        _require_reader(config, key, corpus["source"])
        if sources[corpus["source"]]["reader"] != "table":
            raise UserError(f"config: {key}: only what reader table reads is streamed")
    elsewhere = [config["corpus"]["source"]]
    elsewhere += [prompts["source"] for prompts in config["prompts"].values()]
    elsewhere += [name for c in config["corpora"].values() for name in c.get("sources", [])]
    elsewhere += [n for scorer in config["scorers"].values() for n in scorer.get("unigrams", [])]
    for name in streamed(config):
        if name in elsewhere:
            raise UserError(
                f"config: sources.{name}: is streamed, so nothing else can read it; for that"
                " declare another source of the same id"
            )
    models = model_sources(config)
    taken = [*OF_A, *sources, *(name for kind in TRAINED.values() for name in config[kind])]
    _require_new("pretraining.models", how["models"], taken)
    for name, model in how["models"].items():
        if model["corpus"] not in config["corpora"]:
            raise UserError(
                f"config: pretraining.models.{name}.corpus: no corpus is called {model['corpus']!r}"
            )
    if how["tokenizer"]["kind"] == "model":
        _require_model("pretraining.tokenizer.model", how["tokenizer"]["model"], models)
    for name in how["tokenizer"]["corpora"] if how["tokenizer"]["kind"] == "bpe" else ():
        if config["corpora"].get(name, {}).get("kind") != "texts":
            raise UserError(
                f"config: pretraining.tokenizer.corpora: no corpus of kind texts is called {name!r}"
            )
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
    models += how["models"]
    for name, pair in config["pairs"].items():
        _require_model(f"pairs.{name}.a", pair["a"], models)
        _require_model(f"pairs.{name}.b", pair["b"], [*models, *OF_A])
    walk = config["sweeps"]["pair"]
    for name in walk["pairs"]:
        if name not in config["pairs"]:
            raise UserError(f"config: sweeps.pair.pairs: no pair is called {name!r}")
    for name in walk["corpora"]:
        if name not in config["corpora"]:
            raise UserError(f"config: sweeps.pair.corpora: no corpus is called {name!r}")
    for name in config["figure9"]:
        if name not in config["pairs"] or (walk["alphas"] and name not in walk["pairs"]):
            raise UserError(f"config: figure9: {name!r} is not among sweeps.pair.pairs")


def _require_within(key: str, scheme: str, mine: list, other: str, theirs: list) -> None:
    for value in mine:
        if value not in theirs:
            raise UserError(
                f"config: sweeps.{scheme}.{key}: {value} is beyond sweeps.{other}.{key}, which it"
                " is shown beside"
            )


def _require_new(key: str, names: Iterable[str], taken: list[str]) -> None:
    for name in names:
        if name in taken:
            raise UserError(f"config: {key}.{name}: another model or source has that name")


def _require_model(key: str, name: str, models: list[str]) -> None:
    if name not in models:
        raise UserError(
            f"config: {key}: no model is called {name!r}; there are {', '.join(models)}"
        )


def _require_reader(config: dict, key: str, source: str) -> None:
    if source not in config["sources"]:
        raise UserError(f"config: {key}: no source is called {source!r}")
    if "reader" not in config["sources"][source]:
        raise UserError(f"config: {key}: source {source!r} declares no reader")


def model_sources(config: dict) -> list[str]:
    """The sources that are models: those without a reader."""
    return [name for name, source in config["sources"].items() if "reader" not in source]


def in_use(config: dict, kind: str) -> list[str]:
    """The `classifiers` or `language_models` that a scorer names; others are not trained."""
    used = {scorer.get("model") for scorer in config["scorers"].values()}
    return [name for name in config[kind] if name in used]


def location(source: dict) -> dict:
    """Where a source is: its kind and that kind's keys, and nothing of other kinds."""
    return {"kind": source["kind"], **{k: source.get(k) for k in KINDS[source["kind"]]}}


def streamed(config: dict) -> list[str]:
    """The hub's sources that are read as they are used, and never downloaded."""
    names = [c["source"] for c in config["corpora"].values() if c["kind"] == "stream"]
    return [name for name in names if config["sources"][name]["kind"] == "hub"]


def reading(source: dict) -> dict:
    """How a source is read: its reader and that reader's keys."""
    keys = READERS[source["reader"]]
    return {"reader": source["reader"], **{k: source[k] for k in keys if k in source}}


def alphas(spec) -> list[str]:
    """A list of numbers, or {from, to, step}, as fixed three-decimal strings, ascending.

    Raises UserError for what is no number, a step that misses the end, or a repeat.
    """
    if isinstance(spec, dict):
        first, last, step = (schemes.decimal(spec[key]) for key in ("from", "to", "step"))
        if step <= 0 or last < first or (last - first) % step:
            raise UserError(f"from {first} to {last} is no whole number of steps of {step}")
        points = [first + step * i for i in range(int((last - first) / step) + 1)]
    else:
        points = sorted(schemes.decimal(value) for value in spec)
    for a, b in itertools.pairwise(points):
        if a == b:
            raise UserError(f"{a} is there twice")
    return [schemes.fixed(point) for point in points]


def settings(experts: dict) -> dict[str, dict]:
    """The grid of table 1: name in paths -> learning rate, batch size, steps."""
    return {
        f"lr={float(rate):g}_batch={size}_steps={steps}": {
            "learning_rate": float(rate),
            "batch_size": size,
            "steps": steps,
        }
        for rate in experts["learning_rate"]
        for size in experts["batch_size"]
        for steps in experts["steps"]
    }
