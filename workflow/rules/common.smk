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

from paramlerp.plan import closure, registry, run, sweeps
from paramlerp.weights import schemes
from paramlerp.plan import checks as meaning
from paramlerp.plan import config as settings
from paramlerp.jobs.errors import UserError
from paramlerp.plan.registry import path
from paramlerp.data.splitting import PARTS, SPLITS

try:
    config = settings.laid_over(config, workflow.config_settings.overwrite_config)
    settings.check(config, f"{workflow.basedir}/workflow/schemas/config.schema.yaml")
except UserError as error:
    raise WorkflowError(str(error)) from None
config = settings.in_order(config)


CHECKPOINTS = config["checkpoints"]
ATTRIBUTES = sweeps.attributes(config)
SCHEMES = sweeps.all_schemes(config)
SWEEPS = sweeps.sweeps(config)
#: sweeps whose points are merged to disk or mix logits, and those merged in memory, row by row
LINES = {name: sweep for name, sweep in SWEEPS.items() if not sweep.in_memory}
IN_MEMORY = {name: sweep for name, sweep in SWEEPS.items() if sweep.in_memory}
#: the sweep whose rows are those of a scheme
SWEEP_OF_ROWS = {s.title: sweep for sweep in IN_MEMORY.values() for s in sweep.schemes}
#: the sets of test text that losses of a scheme's models are measured on
LOSS_SETS = {
    s.title: sweep.losses
    for sweep in SWEEPS.values()
    if sweep.losses
    for s in sweep.schemes
}
#: schemes whose models are merged, and those that add up logits
MERGED = [name for name, scheme in SCHEMES.items() if scheme.mixes == "weights"]
ENSEMBLES = [name for name in SCHEMES if name not in MERGED]
#: what is fine-tuned as language models, and all checkpoints that sweeps need
FINETUNED = registry.of_kind(config, "finetuned")
IN_USE = sweeps.in_use(config, SWEEPS)
FETCHED = [name for name, s in config["sources"].items() if s["kind"] != "path"]
CORPORA = config["corpora"]
#: the sets of prompts that sweeps continue
PROMPTS_NOW = sorted({name for sweep in SWEEPS.values() for name in sweep.prompts})

#: what is measured: texts and scores of some samples at a point or a row of points, losses there
TEXTS = "results/generations/{prompts}/{scheme}/{point}/samples={samples}.jsonl"
SCORES = "results/scores/{prompts}/{scheme}/{scorer}/{point}/samples={samples}.csv"
LOSSES = "results/losses/{scheme}/{point}.csv"
DIVERGENCE = "results/divergence/{scheme}/{point}.csv"
NEXT_WORDS = "results/next_words/{attribute}/{scheme}/{point}.csv"


def either(patterns):
    """A regular expression for any of these, and for nothing if there are none."""
    return "|".join(sorted(set(patterns))) or "(?!)"


def one_of(names):
    """A regular expression that matches these names and no others."""
    return either(map(re.escape, names))


def in_use(kind):
    """The checkpoints of a kind that sweeps need."""
    return [name for name in IN_USE if CHECKPOINTS[name]["kind"] == kind]


def made_by(kind):
    """A regular expression for the checkpoints of a kind."""
    return one_of(registry.of_kind(config, kind))


def scorers_of(kind):
    """A regular expression for the scorers of one kind."""
    return one_of(n for n, s in config["scorers"].items() if s["kind"] == kind)


#: a point of a scheme, and a row of points, as paths name them
POINT = either(f"(?:{SCHEMES[name].pattern()})" for name in SCHEMES)
ROW = either(f"(?:{SCHEMES[name].row_pattern()})" for name in SWEEP_OF_ROWS)


wildcard_constraints:
    source=one_of(FETCHED),
    checkpoint=one_of(CHECKPOINTS),
    attribute=one_of(ATTRIBUTES),
    setting=one_of(s for n in FINETUNED for s in registry.grid(config, n)),
    prompts=one_of(config["prompts"]),
    sweep=one_of(SWEEPS),
    scheme=one_of(SCHEMES),
    scorer=one_of(config["scorers"]),
    point=f"{POINT}|{ROW}",
    samples=r"\d+-\d+",


def code(script):
    """A hash of a script and the library modules it imports: a param, so an edit reruns its jobs."""
    return closure.digest(f"{workflow.basedir}/workflow/scripts/{script}.py")


def source_path(name):
    """Where a source lies: a file or folder of the user's, or what `fetch` made."""
    source = config["sources"][name]
    if source["kind"] == "path":
        return os.path.normpath(source["path"])
    return f"results/sources/{name}"


def source_files(name):
    """The files of a local source, so that a change of any is noticed."""
    place = source_path(name)
    if config["sources"][name]["kind"] != "path" or os.path.isfile(place):
        return []
    return sorted(
        os.path.join(folder, file)
        for folder, _, files in os.walk(place)
        for file in files
    )


def readings(names):
    """How sources of text are read."""
    return [settings.reading(config["sources"][name]) for name in names]


def weights(place, keep):
    """A directory of weights that stays, or goes when all that read it are done."""
    return directory(place) if keep else temp(directory(place))


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
    from paramlerp.plan.estimate import estimate

    try:
        stages, disk = estimate(config)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return {"stages": stages, "disk": disk}


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
    places = [f"results/figures/{name}.png" for name in config["figures"]]
    places += [f"results/tables/{name}.csv" for name in SWEEPS]
    places += [f"results/examples/{name}.md" for name in LINES]
    return [place for place in places if os.path.exists(place)]
