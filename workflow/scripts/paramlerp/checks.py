"""What a config must mean, beyond what its schema can say: names that are there, sums, bounds."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from . import sweeps
from .corpora import accumulation
from .errors import UserError

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


class Shows(NamedTuple):
    """What a kind of figure takes: a sweep's shape, and keys of its own."""

    coordinates: int = 1
    in_memory: bool | None = None
    attribute: bool = False
    keys: tuple[str, ...] = ()


SHOWS = {
    "line": Shows(in_memory=False, attribute=True),
    "next_words": Shows(in_memory=False, attribute=True),
    "two_lines": Shows(in_memory=False, attribute=True, keys=("beside", "shift")),
    "ensemble": Shows(in_memory=False, attribute=True),
    "plane": Shows(coordinates=2, in_memory=True, attribute=True),
    "plane_losses": Shows(coordinates=2, in_memory=True),
    "differences": Shows(keys=("schemes",)),
    "pairs": Shows(in_memory=True),
    "pretraining": Shows(),
}


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
    _sweeps(config)
    _figures(config)
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
    rated, labelled = "at_least" in selection or "at_most" in selection, "labels" in selection
    if rated and labelled:
        raise UserError(f"config: {key}: ratings or labels, not both")
    if rated and own["reader"] != "rated":
        raise UserError(f"config: {key}: source {selection['source']!r} has no ratings")
    if labelled and own["reader"] == "rated":
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
                _among(f"{key}.{which}", "scorer", scorer, config["scorers"])
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
            _among(f"{key}.of", "checkpoint", own["of"], checkpoints)
            seen, at = [name], own["of"]
            while at is not None:
                if at in seen:
                    raise UserError(f"config: {key}.of: {at} is made of itself")
                seen.append(at)
                at = checkpoints.get(at, {}).get("of")
        if "source" in own:
            _among(f"{key}.source", "source", own["source"], config["sources"])
            if "reader" in config["sources"][own["source"]]:
                raise UserError(f"config: {key}.source: {own['source']!r} is text, not a model")
        if "corpus" in own:
            _among(f"{key}.corpus", "corpus", own["corpus"], config["corpora"])
        if "attribute" in own:
            _on_attribute(config, key, own)


def _on_attribute(config: dict, key: str, own: dict) -> None:
    _among(f"{key}.attribute", "attribute", own["attribute"], config["attributes"])
    attribute = config["attributes"][own["attribute"]]
    for pole in own.get("poles", []):
        _among(f"{key}.poles", "pole", pole, attribute["poles"])
    for domain, text in own.get("also_test_on", {}).items():
        _text(config, f"{key}.also_test_on.{domain}", text, attribute["poles"])


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
            _among(f"{key}.source", "source", scorer["source"], config["sources"])
        elif "model" in scorer:
            _among(f"{key}.model", "checkpoint", scorer["model"], checkpoints)
            classifier = checkpoints[scorer["model"]]["kind"] == "classifier"
            if classifier and scorer["kind"] == "perplexity":
                raise UserError(f"config: {key}.model: {scorer['model']} is a classifier")
        if scorer["kind"] == "classifier" and len(scorer["labels"]) != len(scorer["values"]):
            raise UserError(f"config: {key}: as many labels as values, please")
        if scorer["kind"] == "classifier" and 1 not in scorer["values"]:
            raise UserError(f"config: {key}.values: one label must count 1")
        for source in scorer.get("unigrams", []):
            _reader(config, f"{key}.unigrams", source)


def _sweeps(config: dict) -> None:
    for name, own in config["sweeps"].items():
        key = f"sweeps.{name}"
        if "attribute" in own:
            _among(f"{key}.attribute", "attribute", own["attribute"], config["attributes"])
        for prompts in own["prompts"]:
            _among(f"{key}.prompts", "set of prompts", prompts, config["prompts"])
        for scorer in own.get("scorers", []):
            _among(f"{key}.scorers", "scorer", scorer, config["scorers"])
        texts = [
            *config["corpora"],
            *(p for a in config["attributes"].values() for p in a["poles"]),
        ]
        for text in own.get("losses", []):
            _among(f"{key}.losses", "pole or corpus", text, texts)
    walked = sweeps.sweeps(config)
    for name in sweeps.in_use(config, walked):
        own = config["checkpoints"][name]
        part = "classifier" if own["kind"] == "classifier" else own.get("part", "experts")
        if "attribute" in own and config["splitting"]["parts"][part] == 0:
            raise UserError(f"config: splitting.parts.{part}: 0, but {name} is trained on it")
    for name, sweep in walked.items():
        key = f"sweeps.{name}"
        if sweep.mixes == "logits" and sweep.in_memory:
            raise UserError(f"config: {key}.in_memory: what mixes logits merges nothing")
        for which, others in (("against", [sweep.against]), ("over", sweep.over)):
            for other in filter(None, others):
                _among(f"{key}.{which}", "sweep", other, walked)
                _beside(key, which, sweep, other, walked[other])
    measured: dict[str, tuple[str, list[str]]] = {}
    for name, sweep in walked.items():
        for scheme in sweep.schemes:
            first, losses = measured.setdefault(scheme.title, (name, sweep.losses))
            if losses != sweep.losses:
                raise UserError(
                    f"config: sweeps.{name}.losses: sweeps.{first} measures others along"
                    f" {scheme.title}"
                )


def _beside(key: str, which: str, sweep, other: str, beside) -> None:
    """What is shown beside another must be there of the other, too."""
    if sweep.samples > beside.samples:
        raise UserError(
            f"config: {key}.samples: {sweep.samples} is beyond sweeps.{other}.samples, which it is"
            " shown beside"
        )
    if which == "over":
        return
    if sweep.mixes != "logits" or beside.mixes != "weights" or beside.in_memory:
        raise UserError(f"config: {key}.against: takes logits here, and merged weights there")
    for mine, theirs in ((sweep.prompts, beside.prompts), *_pairs_of_values(sweep, beside)):
        for value in mine:
            if value not in theirs:
                raise UserError(
                    f"config: {key}: {value} is not in sweeps.{other}, which it is shown beside"
                )


def _pairs_of_values(sweep, beside) -> Iterable[tuple[list, list]]:
    return [(values, beside.values.get(name, [])) for name, values in sweep.values.items()]


def _figures(config: dict) -> None:
    walked, known = sweeps.sweeps(config), sweeps.attributes(config)
    for name, figure in config["figures"].items():
        key, shows = f"config: figures.{name}", SHOWS[figure["shows"]]
        for needed in ("sweep", *shows.keys):
            if needed not in figure:
                raise UserError(f"{key}.{needed}: missing; {figure['shows']} needs it")
        for which in ("sweep", "beside"):
            if which in figure:
                _among(f"figures.{name}.{which}", "sweep", figure[which], walked)
        sweep, where = walked[figure["sweep"]], f"config: sweeps.{figure['sweep']}"
        if len(sweep.coordinates) != shows.coordinates:
            raise UserError(
                f"{key}.sweep: {figure['shows']} takes schemes of {shows.coordinates} coordinate(s)"
            )
        if shows.in_memory not in (None, sweep.in_memory):
            kind = "in_memory" if shows.in_memory else "merged to disk"
            raise UserError(f"{key}.sweep: {figure['shows']} takes a sweep that is {kind}")
        if shows.attribute and sweep.attribute is None:
            raise UserError(f"{where}.attribute: missing; figures.{name} is of one")
        if "schemes" in figure:
            titles = [scheme.title for scheme in sweep.schemes]
            for scheme in figure["schemes"]:
                _among(f"figures.{name}.schemes", "scheme of its sweep", scheme, titles)
        _figure(name, figure, sweep, walked, known)


def _figure(name: str, figure: dict, sweep, walked: dict, known: dict) -> None:
    """What one kind of figure needs."""
    where = f"config: sweeps.{figure['sweep']}"
    if figure["shows"] == "ensemble" and not sweep.against:
        raise UserError(f"{where}.against: missing; figures.{name} shows that")
    if figure["shows"] == "next_words" and known[sweep.attribute].next_words is None:
        raise UserError(
            f"config: attributes.{sweep.attribute}.next_words: missing; figures.{name} shows them"
        )
    if figure["shows"].startswith("plane") and any(len(v) < 2 for v in sweep.values.values()):
        raise UserError(f"{where}.points: a plane has two values of each coordinate, or more")
    if figure["shows"] == "pairs":
        if any(len(scheme.ends()) < 2 for scheme in sweep.schemes):
            raise UserError(f"{where}.schemes: pairs are lines from one checkpoint to another")
        if not {"0.000", "1.000"} <= set(*sweep.values.values()):
            raise UserError(f"{where}.points: 0 and 1 must be among them, the pair itself")
    if "beside" in figure:
        beside = walked[figure["beside"]]
        if not set(beside.prompts) <= set(sweep.prompts):
            raise UserError(
                f"config: sweeps.{figure['beside']}.prompts: more than those of"
                f" sweeps.{figure['sweep']}, which it is shown beside"
            )


def _pretraining(config: dict) -> None:
    how = config["pretraining"]
    if how["tokenizer"]["kind"] == "model":
        _among(
            "pretraining.tokenizer.model",
            "checkpoint",
            how["tokenizer"]["model"],
            config["checkpoints"],
        )
    for name in how["tokenizer"]["corpora"] if how["tokenizer"]["kind"] == "bpe" else ():
        texts = [n for n, c in config["corpora"].items() if c["kind"] == "texts"]
        _among("pretraining.tokenizer.corpora", "corpus of kind texts", name, texts)
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


def _among(key: str, what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise UserError(
            f"config: {key}: no {what} is called {name!r}; there are {', '.join(sorted(known))}"
        )


def _reader(config: dict, key: str, source: str) -> None:
    _among(key, "source", source, config["sources"])
    if "reader" not in config["sources"][source]:
        raise UserError(f"config: {key}: source {source!r} declares no reader")


def streamed(config: dict) -> list[str]:
    """The hub's sources that are read as they are used, and never downloaded."""
    names = [c["source"] for c in config["corpora"].values() if c["kind"] == "stream"]
    return [name for name in names if config["sources"][name]["kind"] == "hub"]
