# Requires: the config, laid over config.yaml.
# Produces: nothing; names and helpers that every other file of rules uses.

import os
import sys

from snakemake import benchmark
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# To look at all the memory of two large jobs twice a second takes a fifteenth of a core.
benchmark.BENCHMARK_INTERVAL_SHORT = 1

sys.path.insert(0, f"{workflow.basedir}/workflow/scripts")

from paramlerp import closure, run, schemes
from paramlerp import config as settings
from paramlerp.errors import UserError
from paramlerp.names import POLES
from paramlerp.seeds import seed_for
from paramlerp.splitting import PARTS, SPLITS

try:
    settings.check(config, f"{workflow.basedir}/workflow/schemas/config.schema.yaml")
except UserError as error:
    raise WorkflowError(str(error)) from None
config = settings.in_order(config)


ALPHAS = {
    scheme: settings.alphas(sweep["alphas"])
    for scheme, sweep in config["sweeps"].items()
    if sweep["alphas"]
}
SETTINGS = settings.settings(config["experts"])
#: how every language model is fine-tuned, whatever the setting
TRAINING = {
    key: config["experts"][key]
    for key in (
        "warmup",
        "weight_decay",
        "clip",
        "max_tokens",
        "evaluate_every",
        "validation_texts",
    )
}
FETCHED = [name for name, s in config["sources"].items() if s["kind"] != "path"]
#: text to pretrain on, models that are, and pairs that lines are walked between
CORPORA = config["corpora"]
PRETRAINED = config["pretraining"]["models"]
PAIRS = {
    name: config["pairs"][name]
    for name in config["sweeps"]["pair"]["pairs"]
    if "pair" in ALPHAS
}
#: what of these pairs need, each with its corpus
PRETRAINED_NOW = {
    name: model["corpus"]
    for name, model in PRETRAINED.items()
    if any(name in pair.values() for pair in PAIRS.values())
}
MODELS = settings.model_sources(config)
CLASSIFIERS = settings.in_use(config, "classifiers")
#: sweeps along a line, and the schemes of models that are merged
LINES = [sweep for sweep in ALPHAS if sweep not in ("g3", "pair")]
MERGED = ["g1", "g2", "g3"]
#: the sets of prompts that any of them continues
PROMPTS_NOW = sorted({p for s in ALPHAS for p in config["sweeps"][s]["prompts"]})
#: what was measured of texts, of a point or of a row of g3's lattice
TEXTS = "results/generations/{prompts}/{scheme}/{point}.jsonl"
SCORES = {
    scorer: f"results/scores/{{prompts}}/{{scheme}}/{scorer}/{{point}}.csv"
    for scorer in config["scorers"]
}
LOSSES = "results/losses/{scheme}/{point}.csv"
#: a point of a scheme, as paths name it
POINT = "|".join(sorted({f"(?:{schemes.pattern(s)})" for s in MERGED}))
#: scorers of ensembles and of the lattice, and of pairs
COMPARED, JUDGED = settings.COMPARED, settings.JUDGED


def one_of(names):
    """A regular expression that matches these names and no others."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=one_of(FETCHED),
    model=one_of(["base", *(f"models/{m}" for m in MODELS if m != "base")]),
    classifier=one_of(config["classifiers"]),
    of=one_of(["", *(f"-{m}" for m in [*MODELS, *PRETRAINED] if m != "base")]),
    pole=one_of(POLES),
    setting=one_of(SETTINGS),
    prompts=one_of(config["prompts"]),
    language_model=one_of(config["language_models"]),
    sweep=one_of(LINES),
    scheme=one_of([*MERGED, *schemes.ENSEMBLES, "pair"]),
    scorer=one_of(config["scorers"]),
    # A file may be of one point, of a row of g3's lattice, or of a pair's line.
    point=f"{POINT}|{schemes.ROW}|{one_of(config['pairs'])}",
    pair=one_of(config["pairs"]),
    twin=one_of([*MODELS, *PRETRAINED]),
    beta=schemes.NUMBER,


def code(script):
    """A script and the library modules it imports: inputs, so that an edit reruns its jobs.

    Relative to the working directory, so that a folder that was moved is not run anew.
    """
    script = f"{workflow.basedir}/workflow/scripts/{script}.py"
    return [os.path.relpath(file) for file in (script, *closure.modules_of(script))]


def source_path(name):
    """Where a source lies: a file or folder of the user's, or what `fetch` made."""
    source = config["sources"][name]
    if source["kind"] == "path":
        return os.path.normpath(source["path"])
    return f"results/sources/{name}"


def source_files(name):
    """The files of a local source, so that a change of any is noticed."""
    path = source_path(name)
    if config["sources"][name]["kind"] != "path" or os.path.isfile(path):
        return []
    return sorted(
        os.path.join(folder, file)
        for folder, _, files in os.walk(path)
        for file in files
    )


def model_dir(name):
    """The HF directory of a source or classifier."""
    return "results/base" if name == "base" else f"results/models/{name}"


def checkpoint_dir(name, of=""):
    """The HF directory of a checkpoint that schemes mix: base, positive or negative."""
    base = model_dir(of.removeprefix("-") or "base")
    return base if name == "base" else f"results/experts{of}/{name}"


def ends_of(pair):
    """The checkpoints of a pair, a and b, by name."""
    a, b = (config["pairs"][pair][end] for end in "ab")
    if b in POLES:
        other = checkpoint_dir(b, "" if a == "base" else f"-{a}")
    else:
        other = f"results/permuted/{a}" if b == "permuted" else model_dir(b)
    return {"a": model_dir(a), "b": other}


def title_of(pair):
    """What figures call a pair."""
    a, b = (config["pairs"][pair][end] for end in "ab")
    if b in POLES:
        return f"{a} and its {b} expert"
    return f"{a} and its permuted copy" if b == "permuted" else f"{a} and {b}"


def held_out(corpus):
    """Text of a corpus that nothing is pretrained on."""
    return f"results/corpora/{corpus}/held_out.jsonl"


def text_files(corpus):
    """What is read of a corpus' text, as inputs: of a hub's, which revision it is."""
    if CORPORA[corpus]["kind"] == "texts":
        return [f"results/corpora/{corpus}/train"]
    source = CORPORA[corpus]["source"]
    return [source_path(source), *source_files(source)]


def text_of_corpus(corpus):
    """A corpus' text, for `corpora.Documents`."""
    if CORPORA[corpus]["kind"] == "texts":
        return {"where": f"results/corpora/{corpus}/train", "column": "text"}
    source = CORPORA[corpus]["source"]
    own = config["sources"][source]
    how = {"column": own["text"], "subset": own.get("subset")}
    if own["kind"] == "hub":
        return {"where": own["id"], "fetched": source_path(source), **how}
    return {"where": source_path(source), **how}


def part(name, pole, split):
    """The texts of one place of the corpus."""
    return f"results/data/{name}/{pole}/{split}.jsonl"


def test_part(pole):
    """Test sentences of a pole that no expert was trained on."""
    return part("experts", pole, "test")


def stops(sweep):
    """Where a line is measured, in the order of its table."""
    how = config["sweeps"][sweep]
    variants = (
        [{"truncated": t} for t in how["truncated"]] if "truncated" in how else [{}]
    )
    return [
        {"prompts": prompts, **variant, "alpha": alpha}
        for prompts in how["prompts"]
        for variant in variants
        for alpha in ALPHAS.get(sweep, [])
    ]


def path_of(pattern, scheme, stop):
    """`pattern` at a stop: a point of a scheme with a set of prompts."""
    scheme = f"truncated_{scheme}" if stop.get("truncated") else scheme
    point = schemes.name(scheme, stop["alpha"])
    return pattern.format(prompts=stop.get("prompts"), scheme=scheme, point=point)


def walk(pattern):
    """`pattern` for every stop of a sweep."""
    return lambda w: [path_of(pattern, w.sweep, stop) for stop in stops(w.sweep)]


def sampling(scheme):
    """How texts of a scheme are generated."""
    sweep = config["sweeps"][scheme.removeprefix("truncated_")]
    return {**config["generation"], "samples": sweep["samples"]}


def rows_of(pattern, sets):
    """`pattern` for every row of g3's lattice, for each set of prompts."""
    return [
        pattern.format(prompts=prompts, scheme="g3", point=f"beta={beta}")
        for prompts in sets
        for beta in ALPHAS.get("g3", [])
    ]


def overlays():
    """The points of g1 and g2, which are drawn over g3's lattice from their own runs."""
    return [
        {"scheme": scheme, **stop}
        for scheme in ("g1", "g2")
        if scheme in ALPHAS
        for stop in stops(scheme)
        if stop["prompts"] in config["sweeps"]["g3"]["prompts"]
    ]


def checkpoints_of(scheme):
    """The checkpoints that a scheme mixes, by name."""
    zeros = [0] * len(schemes.COORDINATES[scheme])
    return {name: checkpoint_dir(name) for name in schemes.coefficients(scheme, *zeros)}


def kinds_of_scorers(sweep):
    """The scorers whose figures a sweep's table has, each with its kind."""
    names = {"g1": config["scorers"], "g2": config["scorers"], "pair": JUDGED}.get(
        sweep, COMPARED
    )
    return {name: config["scorers"][name]["kind"] for name in names}


def scorers_of(kind):
    """A regular expression for the scorers of one kind."""
    return one_of(n for n, s in config["scorers"].items() if s["kind"] == kind)


def weights(path, keep):
    """A directory of weights that stays, or goes when all that read it are done."""
    return directory(path) if keep else temp(directory(path))


def more(amount):
    """An amount of a resource, twice and three times that when a job is tried again."""
    return lambda wildcards, attempt: amount * attempt


def asks(rule):
    """What a rule that runs a model asks for, by the config.

    `gpu_turn` lets a cluster's profile have the jobs of a group take turns on one GPU;
    a limit on `gpu` itself would be one on what a single job may ask for.
    """
    own = config["resources"][rule]
    return {
        "mem_mb": more(own["mem_mb"]),
        "runtime": more(own["runtime"]),
        "gpu": own["gpu"],
        "gpu_turn": min(1, own["gpu"]),
    }


def costs():
    """What the config costs, in two tables."""
    from paramlerp.estimate import estimate

    try:
        stages, disk = estimate(config)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return {"stages": stages, "disk": disk}


def figure(name):
    """The picture of a figure, which `snakemake --report` shows over its caption."""
    return report(
        f"results/figures/{name}.png",
        caption=f"{workflow.basedir}/workflow/report/{name}.rst",
        category="Figures",
    )


def environment(name):
    """A conda environment of this workflow, for users of --sdm conda."""
    return f"{workflow.basedir}/envs/{name}.yaml"


def begin():
    """Refuse a second run in this folder, and let the run's overview speak."""
    global LOCK
    try:
        LOCK = run.hold(".snakemake/paramlerp.lock")
    except UserError as error:
        raise WorkflowError(str(error)) from None
    run.watch(workflow.dag.needrun_jobs(), logger)


def end():
    """Say what the folder's jobs took, each when it last ran, and where to look."""
    stages = run.stages()
    print(run.stage_table(stages))
    run.write_stages(stages)
    print("Done. Where to look:", *where_to_look(), sep="\n  ")


def where_to_look():
    """The main results, for the last lines of a run."""
    return [
        path
        for path in (
            *(f"results/figures/fig{n}.png" for n in range(3, 12)),
            "results/tables/g1.csv",
            "results/tables/g1_differences.csv",
            "results/examples/g1.md",
        )
        if os.path.exists(path)
    ]
