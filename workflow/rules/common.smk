# What every file of rules uses: the checked config, the plan made from it, and helpers.

import os
import sys

from snakemake import benchmark

# Measuring the memory of two large jobs twice a second would cost a fifteenth of a core.
benchmark.BENCHMARK_INTERVAL_SHORT = 1

sys.path.insert(0, f"{workflow.basedir}/workflow/scripts")

from paramlerp.config import entries, layers, registry, schema, sweeps
from paramlerp.data.splitting import PARTS, SPLITS
from paramlerp.jobs import environment as process_environment
from paramlerp.plan import (
    card,
    closure,
    estimate,
    figures,
    measurements,
    paths,
    provenance,
)
from paramlerp.plan import reading, session, turns
from paramlerp.plan.plan import Plan, one_of

# Jobs inherit these variables, and have them before they import a library that reads them.
process_environment.prepare()

#: folders of studies, each with its rules, its section of the config and that section's schema
STUDIES = schema.studies(f"{workflow.basedir}/workflow/studies")
for STUDY in STUDIES:

    configfile: STUDY / "config.yaml"


SCHEMA = session.reported(schema.load, f"{workflow.basedir}/workflow/schemas", STUDIES)
for FILE in workflow.configfiles:
    session.reported(layers.require_unique_keys, FILE)
config = layers.laid_over(config, workflow.config_settings.overwrite_config)
config = session.reported(layers.complete, config, SCHEMA)

PLAN = Plan(config)
ATTRIBUTES, SCHEMES, SWEEPS = PLAN.attributes, PLAN.schemes, PLAN.sweeps
CHECKPOINTS, CORPORA = config["checkpoints"], config["corpora"]
PRIORITIES = turns.of_results(config["figures"])


wildcard_constraints:
    source=one_of(n for n, s in config["sources"].items() if s["kind"] != "path"),
    checkpoint=one_of(CHECKPOINTS),
    corpus=one_of(CORPORA),
    attribute=one_of(ATTRIBUTES),
    setting=one_of(
        s
        for n in registry.of_kind(config, "finetuned")
        for s in registry.grid(config, n)
    ),
    prompts=one_of(config["prompts"]),
    sweep=one_of(SWEEPS),
    scheme=one_of(SCHEMES),
    scorer=one_of(config["scorers"]),
    point=f"{PLAN.point}|{PLAN.line}",
    samples=r"\d+-\d+",


def code(script):
    """A hash of a script and the library modules it imports: as a param, it reruns jobs on edits."""
    return closure.digest(f"{workflow.basedir}/workflow/scripts/{script}.py")


def environment(name):
    """A conda environment of this workflow, for users of --sdm conda."""
    return f"{workflow.basedir}/envs/{name}.yaml"


def weights(path, keep):
    """A directory of weights that is kept, or deleted when all jobs that read it are done."""
    return directory(path) if keep else temp(directory(path))


def per_attempt(amount):
    """A resource that grows with the attempts of a job: 1, 2, 3... times the amount."""
    return lambda wildcards, attempt: amount * attempt


def request(rule):
    """The resources that the config requests for a rule, most of which run a model.

    `gpu_turn` lets a cluster's profile make the jobs of a group take turns on one GPU. A limit
    on `gpu` itself would also limit what a single job may ask for.
    """
    amounts = config["resources"][rule]
    return {
        "mem_mb": per_attempt(amounts["mem_mb"]),
        "runtime": per_attempt(amounts["runtime"]),
        "gpu": amounts["gpu"],
        "gpu_turn": min(1, amounts["gpu"]),
    }


def check_to_pass(wildcards):
    """The check that a scorer must pass; once one has passed, no job is waited for any more.

    Both flags are needed: without them another scorer, which is checked again, would make all
    texts again. (With `ancient` alone, Snakemake would not see other reasons to make them.)
    """
    check = paths.SCORER_CHECK.format(**wildcards)
    if os.path.exists(paths.PASSED.format(**wildcards)):
        return before_update(ancient(check))
    return check
