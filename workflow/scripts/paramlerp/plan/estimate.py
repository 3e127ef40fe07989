"""What a config costs before it is run: time and GPU hours of each stage, and disk."""

import math
from pathlib import Path

from ..jobs.errors import UserError
from ..weights import checkpoints as weights
from . import checks, registry
from . import sweeps as plan

#: bytes of a weight in fp32, of a text with its prompt, and of a score of one
WEIGHT, TEXT, SCORE = 4, 250, 30
#: FLOPs a parameter and token: forward, and forward and backward
FORWARD, TRAIN = 2, 6


def estimate(config: dict) -> tuple[list[dict], list[dict]]:
    """Rows of stages (jobs, hours of all together, GPU hours), and of what takes disk (GB).

    Work is 2 FLOPs a parameter and token read or written, 6 in training, every text as
    long as it may get, over the FLOP/s that the config's `estimate` says are reached.
    `most_gb` is held while its stage runs, `kept_gb` at the end. What takes seconds, and
    classifiers' own disk, is left out. Raises UserError if the size of a model is not known.
    """
    own = _Sizes(config)
    return own.stages(), own.disk()


class _Sizes:
    def __init__(self, config: dict):
        self.config, self.how, self.sweeps = config, config["estimate"], plan.sweeps(config)
        self.checkpoints = config["checkpoints"]
        self.in_use = plan.in_use(config, self.sweeps)
        self.lines = [s for s in self.sweeps.values() if not s.in_memory and s.mixes == "weights"]
        self.ensembles = [s for s in self.sweeps.values() if s.mixes == "logits"]
        self.rows = [s for s in self.sweeps.values() if s.in_memory]

    def made(self, kind: str) -> list[str]:
        """The checkpoints in use that are made in one way."""
        return [name for name in self.in_use if self.checkpoints[name]["kind"] == kind]

    def parameters(self, name: str) -> float:
        """Of a checkpoint: of the source or the pretraining that it comes from."""
        own = self.checkpoints[name]
        if "of" in own:
            return self.parameters(own["of"])
        return self.of_source(own["source"], name) if "source" in own else self.known(name, name)

    def of_source(self, source: str, name: str) -> float:
        own = self.config["sources"][source]
        path = Path(own.get("path") or "nowhere")
        if own["kind"] == "path" and path.is_dir() and any(path.glob("*.safetensors")):
            return sum(math.prod(t.shape) for t in weights.Checkpoint(path).tensors.values())
        # By what it is, not by what it is called here: another model may be laid over a source.
        return self.known(own[checks.KINDS[own["kind"]][0]], name)

    def known(self, identity: str, name: str) -> float:
        known = self.how["parameters"]
        if identity not in known:
            raise UserError(f"config: estimate.parameters: lacks {identity}, which {name} is")
        return known[identity]

    def of_scorer(self, scorer: dict) -> float:
        judge = registry.judge(scorer)
        source = scorer.get("source")
        return self.parameters(judge) if judge else self.of_source(source, source)

    def texts(self, sweep) -> int:
        """Continuations at one point of a sweep, of all sets of prompts."""
        sets = (self.config["prompts"][name]["count"] for name in sweep.prompts)
        return sum(count or self.how["prompts"] for count in sets) * sweep.samples

    def merged(self) -> int:
        """Models that are written to disk."""
        return sum(len(list(s.points())) * len(s.schemes) for s in self.lines)

    def files(self, sweep) -> int:
        """Files of texts of a sweep."""
        places = sweep.rows() if sweep.in_memory else sweep.points()
        return len(list(places)) * len(sweep.schemes) * len(sweep.prompts) * len(sweep.shards)

    def made_texts(self, sweep) -> int:
        return len(list(sweep.points())) * len(sweep.schemes) * self.texts(sweep)

    def read(self, sweep) -> float:
        """Tokens of all test text that a sweep's losses are of."""
        held = self.config["test_texts"] or self.how["test_texts"]
        lengths = {
            name: self.config["finetuning"]["max_tokens"]
            if name in self.config["corpora"]
            else None
            for name in sweep.losses
        }
        return sum(held * (length or self.how["sentence"]) for length in lengths.values())

    def per_scheme(self, sweep, work: float) -> float:
        """FLOPs of forward passes over so many tokens at each point of each scheme."""
        sizes = [self.parameters(scheme.checkpoints[0]) for scheme in sweep.schemes]
        return FORWARD * work * len(list(sweep.points())) * sum(sizes)

    def stages(self) -> list[dict]:
        config, how = self.config, self.how
        new, sentence = config["generation"]["max_new_tokens"], how["sentence"]
        pretraining = config["pretraining"]
        rows = []

        def add(stage: str, jobs: int, flops: float, kind: str, processes: int = 1) -> None:
            """`flops` of all the jobs together."""
            if jobs:
                gpus = config["resources"][stage.split()[0]]["gpu"]
                hours = (flops / how[kind] / processes + how["start"] * jobs) / 3600
                rows.append(
                    {"stage": stage, "jobs": jobs, "hours": hours, "gpu_hours": hours * gpus}
                )

        def tuned(name: str) -> float:
            """Of every setting tried."""
            training = registry.training(config, name)
            looked = training["validation_texts"] or how["test_texts"]
            settings = registry.grid(config, name).values()
            per = TRAIN * sum(s["steps"] * s["batch_size"] for s in settings)
            looks = [1 + math.ceil(s["steps"] / training["evaluate_every"]) for s in settings]
            return self.parameters(name) * sentence * (per + FORWARD * sum(looks) * looked)

        names = self.made("finetuned")
        jobs = sum(len(registry.grid(config, name)) for name in names)
        add("candidate", jobs, sum(map(tuned, names)), "training")
        steps = pretraining["steps"] * pretraining["effective_batch"] * pretraining["block"]
        names = self.made("pretrained")
        work = sum(TRAIN * steps * self.parameters(name) for name in names)
        add("pretrain", len(names), work, "pretraining", pretraining["processes"])
        names = self.made("classifier")
        seen = {name: registry.training(config, name)["epochs"] for name in names}
        work = sum(
            TRAIN * n * how["classifier_texts"] * self.parameters(c) for c, n in seen.items()
        )
        add("train_classifier", len(names), work * sentence, "training")
        work = sum(self.per_scheme(s, self.texts(s) * new) for s in self.lines)
        add("generate", sum(map(self.files, self.lines)), work, "decoding")
        work = sum(
            self.per_scheme(s, self.texts(s) * new) * len(s.schemes[0].checkpoints)
            for s in self.ensembles
        )
        add("ensemble", sum(map(self.files, self.ensembles)), work, "decoding")
        work = sum(self.per_scheme(s, self.texts(s) * new) for s in self.rows)
        add("row", sum(map(self.files, self.rows)), work, "decoding")
        tested = [s for s in self.rows if s.losses]
        jobs = sum(len(list(s.rows())) * len(s.schemes) for s in tested)
        add("row_losses", jobs, sum(self.per_scheme(s, self.read(s)) for s in tested), "scoring")
        tested = [s for s in self.lines if s.losses]
        jobs = sum(len(list(s.points())) * len(s.schemes) for s in tested)
        add("losses", jobs, sum(self.per_scheme(s, self.read(s)) for s in tested), "scoring")
        figures = config["figures"].values()
        named = {f["sweep"] for f in figures if f["shows"] == "next_words"}
        jobs = sum(len(list(self.sweeps[name].points())) for name in named)
        add("next_words", jobs, 0, "scoring")
        count = 2 * (config["divergence_texts"] or how["test_texts"])
        told = [s for s in self.ensembles if s.against]
        work = sum(
            (1 + len(s.schemes[0].checkpoints))
            * self.per_scheme(s, count * sentence)
            / len(s.schemes)
            for s in told
        )
        add("divergence", sum(len(list(s.points())) for s in told), work, "scoring")
        kinds = {"classifier": "classify", "tagger": "tag", "perplexity": "perplexity"}
        for name, scorer in config["scorers"].items():
            read = [s for s in self.sweeps.values() if name in s.scorers]
            if scorer["kind"] in kinds and read:
                # A classifier reads the prompt as well; a judge has read it before.
                tokens = new + (how["prompt"] if scorer["kind"] != "perplexity" else 0)
                texts = sum(map(self.made_texts, read))
                work = FORWARD * texts * tokens * self.of_scorer(scorer)
                add(f"{kinds[scorer['kind']]} {name}", sum(map(self.files, read)), work, "scoring")
        return rows

    def disk(self) -> list[dict]:
        config = self.config
        rows = []

        def add(what: str, most: float, kept: float | None = None) -> None:
            kept = most if kept is None else kept
            if most:
                rows.append({"what": what, "most_gb": most / 1e9, "kept_gb": kept / 1e9})

        def size(name: str) -> float:
            return WEIGHT * self.parameters(name)

        models = self.made("source")
        sources = {name: config["sources"][self.checkpoints[name]["source"]] for name in models}
        add("downloads", sum(size(m) for m in models if sources[m]["kind"] in ("hub", "url")))
        add("models, in fp32", sum(map(size, models)))
        tuned = self.made("finetuned")
        one = sum(map(size, tuned))
        tried = sum(size(name) * len(registry.grid(config, name)) for name in tuned)
        # A checkpoint is a link to the best of them.
        kept = tried if config["finetuning"]["keep_candidates"] else one
        add("experts and all candidates", tried, kept)
        add("checkpoints, of each training at work", 3 * max(map(size, tuned), default=0), 0)
        kept = sum(
            size(scheme.checkpoints[0]) * len(list(s.points()))
            for s in self.lines
            for scheme in s.schemes
        )
        add(f"merged models, {self.merged()}", kept, kept if config["keep_merged"] else 0)
        made = [*self.made("pretrained"), *self.made("permuted")]
        add("pretrained and permuted", sum(map(size, made)))
        texts = {name: self.made_texts(sweep) for name, sweep in self.sweeps.items()}
        scores = sum(texts[name] * len(sweep.scorers) for name, sweep in self.sweeps.items())
        add("texts and scores", sum(texts.values()) * TEXT + scores * SCORE)
        return rows
