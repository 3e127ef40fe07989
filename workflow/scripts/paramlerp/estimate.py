"""What a config costs before it is run: time and GPU hours of each stage, and disk."""

import math
from pathlib import Path

from . import checkpoints
from . import config as settings
from .errors import UserError
from .names import POLES

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
        self.config, self.how, self.sweeps = config, config["estimate"], config["sweeps"]
        self.alphas = {name: settings.alphas(s["alphas"]) for name, s in self.sweeps.items()}
        self.settings = settings.settings(config["experts"]).values()
        walked = self.sweeps["pair"]["pairs"] if self.alphas["pair"] else []
        self.pairs = [config["pairs"][name] for name in walked]
        self.tuned = ["base"] * len(POLES)
        self.tuned += [p["a"] for p in self.pairs if p["b"] in POLES and p["a"] != "base"]
        self.ends = {end for pair in self.pairs for end in pair.values()}
        self.pretrained = [name for name in config["pretraining"]["models"] if name in self.ends]
        self.n = self.parameters("base")

    def parameters(self, name: str) -> float:
        """Of a source, of what is trained from one, or of a model that is pretrained."""
        for kind, key in (("classifiers", "encoder"), ("language_models", "model")):
            if name in self.config[kind]:
                return self.parameters(self.config[kind][name][key])
        own = self.config["sources"].get(name, {})
        path = Path(own.get("path") or "nowhere")
        if own.get("kind") == "path" and path.is_dir() and any(path.glob("*.safetensors")):
            return sum(math.prod(t.shape) for t in checkpoints.Checkpoint(path).tensors.values())
        # By what it is, not by what it is called here: another model may be laid over a source.
        identity = own[settings.KINDS[own["kind"]][0]] if own else name
        known = self.how["parameters"]
        if identity not in known:
            raise UserError(f"config: estimate.parameters: lacks {identity}, which {name} is")
        return known[identity]

    def texts(self, sweep: str) -> int:
        """Continuations at one point of a sweep, of all sets of prompts."""
        sets = (self.config["prompts"][name]["count"] for name in self.sweeps[sweep]["prompts"])
        count = sum(count or self.how["prompts"] for count in sets)
        return count * self.sweeps[sweep]["samples"]

    def points(self, sweep: str) -> int:
        count = len(self.alphas[sweep])
        if sweep == "g3":
            return count**2
        if sweep == "pair":
            return count * len(self.pairs)
        return count * len(self.sweeps[sweep].get("truncated", [None]))

    def merged(self) -> int:
        """Models that are written to disk, those of g1 and g2."""
        return self.points("g1") + self.points("g2")

    def scored(self, scorer: str) -> tuple[int, int]:
        """Files and texts that a scorer reads."""
        all_texts = {"g1", "g2"}
        if scorer in settings.COMPARED:
            all_texts |= {"ensemble", "g3"}
        if scorer in settings.JUDGED:
            all_texts |= {"pair"}
        files = texts = 0
        for sweep in all_texts:
            rows = {"g3": len(self.alphas["g3"]), "pair": len(self.pairs)}
            files += rows.get(sweep, self.points(sweep)) * len(self.sweeps[sweep]["prompts"])
            texts += self.points(sweep) * self.texts(sweep)
        return files, texts

    def stages(self) -> list[dict]:
        config, how, n = self.config, self.how, self.n
        new, sentence = config["generation"]["max_new_tokens"], how["sentence"]
        held = config["test_texts"] or how["test_texts"]
        experts, pretraining = config["experts"], config["pretraining"]
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
            looked = experts["validation_texts"] or how["test_texts"]
            per = TRAIN * sum(s["steps"] * s["batch_size"] for s in self.settings)
            looks = [1 + math.ceil(s["steps"] / experts["evaluate_every"]) for s in self.settings]
            return self.parameters(name) * sentence * (per + FORWARD * sum(looks) * looked)

        jobs = len(self.settings) * len(self.tuned)
        add("candidate", jobs, sum(map(tuned, self.tuned)), "training")
        steps = pretraining["steps"] * pretraining["effective_batch"] * pretraining["block"]
        work = sum(TRAIN * steps * self.parameters(name) for name in self.pretrained)
        add("pretrain", len(self.pretrained), work, "pretraining", pretraining["processes"])
        for name in settings.in_use(config, "classifiers"):
            seen = config["classifiers"][name]["epochs"] * how["classifier_texts"]
            work = TRAIN * seen * sentence * self.parameters(name)
            add("train_classifier", 1, work, "training")
        for name in settings.in_use(config, "language_models"):
            seen = config["language_models"][name]
            work = TRAIN * seen["steps"] * seen["batch_size"] * sentence * self.parameters(name)
            add("language_model", 1, work, "training")
        lines = ("g1", "g2")
        merged = self.merged()
        made = {sweep: self.points(sweep) * self.texts(sweep) for sweep in self.sweeps}
        tested = FORWARD * held * sentence
        sets = {sweep: len(self.sweeps[sweep]["prompts"]) for sweep in self.sweeps}
        written = FORWARD * new * n
        jobs = sum(self.points(sweep) * sets[sweep] for sweep in lines)
        add("generate", jobs, sum(made[sweep] for sweep in lines) * written, "decoding")
        jobs = self.points("ensemble") * sets["ensemble"]
        add("ensemble", jobs, 3 * made["ensemble"] * written, "decoding")
        work = made["g3"] * written + self.points("g3") * len(POLES) * tested * n
        add("lattice", len(self.alphas["g3"]), work, "decoding")
        sizes = [self.parameters(pair["a"]) for pair in self.pairs]
        documents = len(self.sweeps["pair"]["corpora"]) * held * experts["max_tokens"]
        of_one = FORWARD * (self.texts("pair") * new + documents)
        add("pair", len(sizes), sum(sizes) * len(self.alphas["pair"]) * of_one, "decoding")
        if not self.alphas["g3"]:  # nothing is drawn over the plane
            merged = sum(0 <= float(alpha) <= 1 for alpha in self.alphas["g1"])
        add("losses", merged, merged * len(POLES) * tested * n, "scoring")
        add("next_words", len(self.alphas["g1"]), 0, "scoring")
        count = config["divergence_texts"] or how["test_texts"]
        work = 4 * len(self.alphas["ensemble"]) * len(POLES) * FORWARD * count * sentence * n
        add("divergence", len(self.alphas["ensemble"]), work, "scoring")
        kinds = {"classifier": "classify", "tagger": "tag", "perplexity": "perplexity"}
        for name, scorer in config["scorers"].items():
            if scorer["kind"] in kinds:
                files, texts = self.scored(name)
                # A classifier reads the prompt as well; a judge has read it before.
                tokens = new + (how["prompt"] if scorer["kind"] != "perplexity" else 0)
                work = FORWARD * texts * tokens * self.parameters(scorer["model"])
                add(f"{kinds[scorer['kind']]} {name}", files, work, "scoring")
        return rows

    def disk(self) -> list[dict]:
        config, size = self.config, WEIGHT * self.n
        rows = []

        def add(what: str, most: float, kept: float | None = None) -> None:
            kept = most if kept is None else kept
            if most:
                rows.append({"what": what, "most_gb": most / 1e9, "kept_gb": kept / 1e9})

        judges = {s["model"] for s in config["scorers"].values() if "model" in s}
        models = (judges | self.ends | {"base"}) & set(config["sources"])
        fetched = [m for m in models if config["sources"][m]["kind"] in ("hub", "url")]
        add("downloads", sum(WEIGHT * self.parameters(m) for m in fetched))
        add("models, in fp32", sum(WEIGHT * self.parameters(m) for m in models))
        one = sum(WEIGHT * self.parameters(name) for name in self.tuned)
        tried = one * len(self.settings)
        # An expert is a link to the best of them.
        kept = tried if config["experts"]["keep_candidates"] else one
        add("experts and all candidates", tried, kept)
        add("checkpoints, of each training at work", 3 * size, 0)
        kept = self.merged() * size
        add(f"merged models, {self.merged()}", kept, kept if config["keep_merged"] else 0)
        twins = [pair["a"] for pair in self.pairs if pair["b"] == "permuted"]
        made = [*self.pretrained, *twins]
        add("pretrained and permuted", sum(WEIGHT * self.parameters(m) for m in made))
        texts = sum(self.points(sweep) * self.texts(sweep) for sweep in self.sweeps)
        scores = sum(self.scored(name)[1] for name in config["scorers"])
        add("texts and scores", texts * TEXT + scores * SCORE)
        return rows
