"""What a config costs before it runs: time and GPU hours of each stage, and disk."""

import math
from pathlib import Path

from ..config import entries, registry
from ..config.sweeps import Sweep
from ..jobs.errors import UserError
from ..weights.checkpoints import Checkpoint
from . import measurements
from .plan import Plan

#: bytes of an fp32 weight, of a text with its prompt, and of a text's score
WEIGHT, TEXT, SCORE = 4, 250, 30
#: FLOPs a parameter and token: forward alone, and forward and backward
FORWARD, TRAIN = 2, 6


def estimate(config: dict) -> dict[str, list[dict]]:
    """Rows of `stages` (jobs, hours of all jobs together, GPU hours) and of `disk` (GB).

    The work of a stage is 2 FLOPs a parameter and token that is read or written, 6 in training;
    every text counts with its full length. The speed is the FLOP/s of the config's `estimate`.
    `most_gb` is on disk while a stage runs, `kept_gb` at the end. Rules that take seconds and
    the disk of classifiers are left out. Raises UserError if the size of a model is unknown.
    """
    costs = _Costs(config)
    return {"stages": costs.stages(), "disk": costs.disk()}


class _Costs:
    def __init__(self, config: dict):
        self.config, self.plan = config, Plan(config)
        self.constants = config["estimate"]
        sweeps = self.plan.sweeps.values()
        self.merged = [s for s in sweeps if not s.in_memory and s.mixes == "weights"]
        self.ensembles = [s for s in sweeps if s.mixes == "logits"]
        self.in_memory = [s for s in sweeps if s.in_memory]

    def parameters(self, checkpoint: str) -> float:
        """The parameters of a checkpoint: those of its source or of its pretraining."""
        entry = self.config["checkpoints"][checkpoint]
        if "of" in entry:
            return self.parameters(entry["of"])
        if "source" in entry:
            return self.source_parameters(entry["source"], checkpoint)
        return self.listed(checkpoint, checkpoint)

    def source_parameters(self, source: str, user: str) -> float:
        """The parameters of a source's model, counted if it lies on disk; `user` names it."""
        entry = self.config["sources"][source]
        path = Path(entry.get("path") or "nowhere")
        if entry["kind"] == "path" and path.is_dir() and any(path.glob("*.safetensors")):
            return sum(math.prod(t.shape) for t in Checkpoint(path).tensors.values())
        # By the package or hub id: another config may give the same source another model.
        return self.listed(entry[entries.LOCATION[entry["kind"]][0]], user)

    def listed(self, identity: str, user: str) -> float:
        """The parameters that the config lists for a model."""
        parameters = self.constants["parameters"]
        if identity not in parameters:
            raise UserError(f"config: estimate.parameters: lacks {identity}, which {user} is")
        return parameters[identity]

    def scorer_parameters(self, scorer: dict) -> float:
        checkpoint, source = registry.scorer_checkpoint(scorer), scorer.get("source")
        return self.parameters(checkpoint) if checkpoint else self.source_parameters(source, source)

    def texts_at_a_point(self, sweep: Sweep) -> int:
        """The texts at one point of a sweep, of all sets of prompts."""
        counts = (self.config["prompts"][name]["count"] for name in sweep.prompts)
        return sum(count or self.constants["prompts"] for count in counts) * sweep.samples

    def points(self, sweep: Sweep) -> int:
        """The points of each scheme of a sweep, without those that another sweep measures."""
        return sum(map(len, self.own_values(sweep))) if sweep.in_memory else sweep.n_points

    def own_values(self, sweep: Sweep) -> list[list[str]]:
        """`measurements.own_values` of each line of a sweep in memory."""
        name = self.plan.sweep_of_lines[sweep.scheme_names[0]]
        return [measurements.own_values(self.plan, name, line) for line in sweep.lines()]

    def texts(self, sweep: Sweep) -> int:
        return self.points(sweep) * len(sweep.schemes) * self.texts_at_a_point(sweep)

    def text_files(self, sweep: Sweep) -> int:
        """The files that a sweep's texts are written to: one job each."""
        return self.loss_files(sweep) * len(sweep.prompts) * len(sweep.sample_ranges)

    def loss_files(self, sweep: Sweep) -> int:
        """The files that a sweep's losses are written to: one job each."""
        lines = sum(map(bool, self.own_values(sweep))) if sweep.in_memory else sweep.n_jobs
        return lines * len(sweep.schemes)

    def loss_tokens(self, sweep: Sweep) -> float:
        """The tokens of all test text on which a sweep's losses are measured."""
        count = self.config["test_texts"] or self.constants["test_texts"]
        of_corpus, of_pole = self.config["finetuning"]["max_tokens"], self.constants["sentence"]
        corpora = self.config["corpora"]
        return sum(count * (of_corpus if name in corpora else of_pole) for name in sweep.losses)

    def forward(self, sweep: Sweep, tokens: float) -> float:
        """FLOPs of a forward pass over so many tokens at each point of each scheme."""
        sizes = [self.parameters(scheme.checkpoints[0]) for scheme in sweep.schemes]
        return FORWARD * tokens * self.points(sweep) * sum(sizes)

    def grid_flops(self, checkpoint: str) -> float:
        """FLOPs of fine-tuning with every setting of the grid, evaluations included."""
        training = registry.training(self.config, checkpoint)
        evaluated = training["validation_texts"] or self.constants["test_texts"]
        settings = registry.grid(self.config, checkpoint).values()
        trained = sum(s["steps"] * s["batch_size"] for s in settings)
        evaluations = sum(1 + math.ceil(s["steps"] / training["evaluate_every"]) for s in settings)
        texts = TRAIN * trained + FORWARD * evaluations * evaluated
        return self.parameters(checkpoint) * self.constants["sentence"] * texts

    def stages(self) -> list[dict]:
        rows = []

        def add(stage: str, jobs: int, flops: float, speed: str, processes: int = 1) -> None:
            """Append a row for `flops` of all jobs together, if there are any jobs."""
            if jobs:
                gpus = self.config["resources"][stage.split()[0]]["gpu"]
                seconds = flops / self.constants[speed] / processes + self.constants["start"] * jobs
                hours = seconds / 3600
                rows.append(
                    {"stage": stage, "jobs": jobs, "hours": hours, "gpu_hours": hours * gpus}
                )

        self._add_training(add)
        self._add_generation(add)
        self._add_models(add)
        self._add_scorers(add)
        return rows

    def _add_training(self, add) -> None:
        names = self.plan.in_use("finetuned")
        jobs = sum(len(registry.grid(self.config, name)) for name in names)
        add("candidate", jobs, sum(map(self.grid_flops, names)), "training")
        settings = self.config["pretraining"]
        tokens = settings["steps"] * settings["effective_batch"] * settings["block"]
        names = self.plan.in_use("pretrained")
        flops = sum(TRAIN * tokens * self.parameters(name) for name in names)
        add("pretrain", len(names), flops, "pretraining", settings["processes"])
        names = self.plan.in_use("classifier")
        epochs = {name: registry.training(self.config, name)["epochs"] for name in names}
        texts = self.constants["classifier_texts"]
        flops = sum(TRAIN * n * texts * self.parameters(name) for name, n in epochs.items())
        add("train_classifier", len(names), flops * self.constants["sentence"], "training")

    def _add_generation(self, add) -> None:
        new = self.config["generation"]["max_new_tokens"]

        def flops(sweep: Sweep) -> float:
            return self.forward(sweep, self.texts_at_a_point(sweep) * new)

        jobs = sum(map(self.text_files, self.merged))
        add("generate", jobs, sum(map(flops, self.merged)), "decoding")
        jobs = sum(map(self.text_files, self.ensembles))
        work = sum(flops(s) * len(s.schemes[0].checkpoints) for s in self.ensembles)
        add("ensemble", jobs, work, "decoding")
        jobs = sum(map(self.text_files, self.in_memory))
        add("generate_line", jobs, sum(map(flops, self.in_memory)), "decoding")

    def _add_models(self, add) -> None:
        """What is measured on the models themselves: losses, next words and divergence."""
        for stage, sweeps in (("line_losses", self.in_memory), ("losses", self.merged)):
            measured = [s for s in sweeps if s.losses]
            flops = sum(self.forward(s, self.loss_tokens(s)) for s in measured)
            add(stage, sum(map(self.loss_files, measured)), flops, "scoring")
        figures = self.config["figures"].values()
        shown = {f["sweep"] for f in figures if f["shows"] == "next_words"}
        jobs = sum(self.plan.sweeps[name].n_points for name in shown)
        add("next_words", jobs, 0, "scoring")
        texts = 2 * (self.config["divergence_texts"] or self.constants["test_texts"])
        compared = [s for s in self.ensembles if s.against]
        flops = sum(
            (1 + len(s.schemes[0].checkpoints))
            * self.forward(s, texts * self.constants["sentence"])
            / len(s.schemes)
            for s in compared
        )
        add("divergence", sum(s.n_points for s in compared), flops, "scoring")

    def _add_scorers(self, add) -> None:
        rules = {"classifier": "classify", "tagger": "tag", "perplexity": "perplexity"}
        new = self.config["generation"]["max_new_tokens"]
        for name, scorer in self.config["scorers"].items():
            scored = [s for s in self.plan.sweeps.values() if name in s.scorers]
            if scorer["kind"] in rules and scored:
                # Perplexity reads each prompt once for all its texts.
                prompt = 0 if scorer["kind"] == "perplexity" else self.constants["prompt"]
                texts = sum(map(self.texts, scored))
                flops = FORWARD * texts * (new + prompt) * self.scorer_parameters(scorer)
                stage = f"{rules[scorer['kind']]} {name}"
                add(stage, sum(map(self.text_files, scored)), flops, "scoring")

    def disk(self) -> list[dict]:
        config, rows = self.config, []

        def add(what: str, most: float, kept: float | None = None) -> None:
            kept = most if kept is None else kept
            if most:
                rows.append({"what": what, "most_gb": most / 1e9, "kept_gb": kept / 1e9})

        def size(checkpoint: str) -> float:
            return WEIGHT * self.parameters(checkpoint)

        models = self.plan.in_use("source")
        kinds = {m: config["sources"][config["checkpoints"][m]["source"]]["kind"] for m in models}
        add("downloads", sum(size(m) for m in models if kinds[m] in ("hub", "url")))
        add("models, in fp32", sum(map(size, models)))
        tuned = self.plan.in_use("finetuned")
        tried = sum(size(name) * len(registry.grid(config, name)) for name in tuned)
        # A checkpoint is a hard link to the best candidate.
        best = sum(map(size, tuned))
        kept = tried if config["finetuning"]["keep_candidates"] else best
        add("experts and all candidates", tried, kept)
        add("states of running trainings", 3 * max(map(size, tuned), default=0), 0)
        merged = [(scheme, sweep.n_points) for sweep in self.merged for scheme in sweep.schemes]
        most = sum(size(scheme.checkpoints[0]) * n_points for scheme, n_points in merged)
        count = sum(n_points for _, n_points in merged)
        add(f"merged models, {count}", most, most if config["keep_merged"] else 0)
        others = [*self.plan.in_use("pretrained"), *self.plan.in_use("permuted")]
        add("pretrained and permuted", sum(map(size, others)))
        texts = {name: self.texts(sweep) for name, sweep in self.plan.sweeps.items()}
        scores = sum(texts[name] * len(sweep.scorers) for name, sweep in self.plan.sweeps.items())
        add("texts and scores", sum(texts.values()) * TEXT + scores * SCORE)
        return rows
