"""What the main process does before and after a run's jobs.

Every command of Snakemake's imports this room, so it imports neither torch nor pandas.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from snakemake.exceptions import WorkflowError

from ..jobs import main_process, warm
from ..jobs.devices import MAIN_ALLOCATION
from ..jobs.errors import UserError
from . import lock, overview, paths, stages, turns
from .plan import Plan

#: Snakemake's own limit of the jobs that it starts: jobs, seconds
_DEFAULT_RATE = (100, 1)

_locks: list = []  # a lock is released when its file is collected
_made: set[str] = set()  # the files that this run's jobs make


def reported(function: Callable, *arguments):
    """`function(*arguments)`, with a UserError as the one line that Snakemake prints."""
    try:
        return function(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def begin(workflow, logger: logging.Logger) -> None:
    """What is to be done before the jobs of Snakemake's `workflow` start.

    Refuse a second run in this folder, have our overview printed, hand on the priorities of
    results, start jobs on this machine warm (`jobs.warm`), and lift Snakemake's default rate.
    """
    _locks.append(reported(lock.lock_folder, ".snakemake/paramlerp.lock"))
    # Jobs on this machine end with this process (runtime.job), and know its allocation.
    os.environ |= {**main_process.variables(), MAIN_ALLOCATION: os.environ.get("SLURM_JOB_ID", "")}
    jobs = list(workflow.dag.needrun_jobs())
    _made.update(file for job in jobs for file in job.output)
    overview.watch(jobs, logger)
    hand_on_priorities(workflow.dag)
    if workflow.local_exec:
        warm.start_jobs()
    lift_default_rate(workflow.scheduler)


def hand_on_priorities(dag) -> None:
    """Have each job of Snakemake's `dag` start before those that lead to later results."""
    own = {job: dag.priority(job) for job in dag.needrun_jobs()}
    needs = {job: [needed for needed in dag.job_dependencies(job) if needed in own] for job in own}
    # A rule's `priority` may depend on the job's wildcards, but not on the jobs that wait for it.
    dag._priority |= turns.handed_on(own, needs)


def lift_default_rate(scheduler) -> None:
    """Remove Snakemake's limit of 100 jobs a second from its scheduler; a user's own limit stays.

    Under a limit each pass of the scheduler starts a timer for one more pass, and each job that
    ends adds a pass of its own: after some hundred jobs these take a fifth of a core.
    """
    limiter = scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == _DEFAULT_RATE:
        scheduler.job_rate_limiter = None


def end(plan: Plan) -> None:
    """Print what the folder's jobs took when they last ran, and where the main results lie."""
    rows = stages.stages()
    print(stages.stage_table(rows))
    stages.write_stages(rows)
    print("Done. Where to look:", *main_results(plan), sep="\n  ")
    for page in (paths.FIRST, paths.PICK, paths.CHECK):
        if page in _made:
            print("", Path(page).read_text(encoding="utf-8"), sep="\n", end="")


def main_results(plan: Plan) -> list[str]:
    """Figures, tables and examples that have been made."""
    results = [paths.FIRST] if plan.config["first"] else []
    results += [paths.PICK] if plan.config["pick"] else []
    results += [f"results/figures/{name}.png" for name in plan.config["figures"]]
    results += [paths.table(name) for name in plan.sweeps]
    results += [f"results/examples/{name}.md" for name in plan.point_sweeps]
    return [path for path in results if os.path.exists(path)]
