"""What the main process does around a run: hold the folder, say how far it is, what failed
and what it took. Standard library alone, since every command of Snakemake's imports it."""

import csv
import fcntl
import io
import logging
import os
import socket
import sys
import time
from collections import defaultdict
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

from ..jobs import files
from ..jobs.devices import MAIN_ALLOCATION
from ..jobs.errors import UserError
from ..jobs.runtime import MAIN_PROCESS, clock, title

BENCHMARKS = Path("results/benchmarks")
#: lines of a failed job's log that are shown
LOG_LINES = 12
#: the folder in which Snakemake's SLURM plugin has the cluster's logs
CLUSTER_LOGS = "slurm_logs"


def hold(path):
    """Lock the folder until this process ends, however it ends: the kernel lets go of it.

    Snakemake's own lock is a file that a killed run leaves behind. Returns the open
    lock file, to be kept. Raises UserError if another run holds it.
    """
    lock = open(path, "a+")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise UserError(
            f"another run is at work in {os.getcwd()}: {lock.read().strip()};"
            " wait for it, stop it, or use another --directory"
        ) from None
    except OSError as error:
        print(f"note: this file system has no locks ({error}); start one run only", file=sys.stderr)
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    lock.flush()
    # Jobs on this machine end with this process; see runtime.job.
    os.environ[MAIN_PROCESS] = f"{os.getpid()}@{socket.gethostname()}"
    os.environ[MAIN_ALLOCATION] = os.environ.get("SLURM_JOB_ID", "")
    return lock


class Overview(logging.Handler):
    """A line as each job ends, with about how long the run still takes; a failed job's last words.

    `jobs` is job id -> (rule, wildcards) of all that is to run. The time left is what
    jobs of the same rules took before, in this run or by `before` (rule -> mean
    seconds), over how many were seen to run side by side; where more than a tenth of
    the jobs are of rules never timed it is a lower bound, and called so.
    """

    #: Snakemake's own lines, in whose place ours are printed
    replaced = (LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.PROGRESS)

    def __init__(self, jobs: dict, before: dict[str, float], now=time.monotonic, out=sys.stderr):
        super().__init__()
        self.jobs, self.before, self.now, self.out = jobs, before, now, out
        self.began = now()
        self.running: dict[int, float] = {}
        self.took: dict[str, list[float]] = defaultdict(list)
        self.groups_failed: dict[frozenset[int], float] = {}
        self.done: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_STARTED:
            # What is not ours is a cluster's job of several of ours.
            own = (job for job in record.jobs if job in self.jobs)
            self.running |= dict.fromkeys(own, self.now())
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.jobs:
            self._finished(record.job_id)
        elif event == LogEvent.GROUP_ERROR:
            self._group_failed(record)
        elif event == LogEvent.JOB_ERROR and not getattr(record, "indent", False):
            self._failed(record)  # those of a group follow it, indented, all of them

    def _finished(self, job: int) -> None:
        rule, wildcards = self.jobs[job]
        began = self.running.pop(job, None)
        if began is not None:  # else it was part of a cluster's job, and only that was timed
            self.took[rule].append(self.now() - began)
        self.done.add(job)
        state = f"{len(self.done)}/{len(self.jobs)} jobs, {clock(self.now() - self.began)}"
        left = self.left()
        took = "" if began is None else f": {clock(self.now() - began)}"
        self._say(f"({state}{left and ', ' + left}) {title(rule, wildcards)}{took}")

    def left(self) -> str:
        """About how long the run still takes, or nothing if too little of it was ever timed."""
        now = self.now()
        mean = {**self.before, **{rule: sum(t) / len(t) for rule, t in self.took.items()}}
        waiting = [job for job in self.jobs if job not in self.done]
        known = [job for job in waiting if self.jobs[job][0] in mean]
        if not known or 2 * len(known) < len(waiting) or now == self.began:
            return ""
        work = sum(mean[self.jobs[job][0]] for job in known)
        begun = {job: now - start for job, start in self.running.items()}
        work -= sum(min(begun.get(job, 0), mean[self.jobs[job][0]]) for job in known)
        spent = sum(map(sum, self.took.values())) + sum(begun.values())
        side_by_side = max(spent / (now - self.began), 1)
        word = "about" if len(known) >= 0.9 * len(waiting) else "more than"
        return f"{word} {clock(work / side_by_side)} left"

    def _failed(self, record: logging.LogRecord) -> None:
        """A job of ours that failed, here or on a cluster."""
        since = self._at(self.running.pop(record.jobid, self.began))
        self._last_words(record.jobid, record.rule_name, record.log, since)
        if said := getattr(record, "rule_msg", None):
            self._say(f"  {said}")

    def _group_failed(self, record: logging.LogRecord) -> None:
        """A cluster's job that several of ours were: what was at work in it, and what it says."""
        jobs = record.job_error_info
        # When it was submitted is not known; what was written before it last failed is old.
        whole = frozenset(job["jobid"] for job in jobs)
        since = self._at(self.groups_failed.get(whole, self.began))
        self.groups_failed[whole] = self.now()
        logs = {job["jobid"]: path for job in jobs for path in map(Path, job["log"][:1])}
        fresh = {job: path for job, path in logs.items() if _written(path) >= since}
        wrong = [job for job, path in fresh.items() if _holds_error(path)]
        # Without one it is what was written to last that was killed.
        for job in wrong or sorted(fresh, key=lambda job: _written(fresh[job]))[-1:]:
            self._last_words(job, "", [fresh[job]], since)
        if not fresh:
            self._say(f"FAILED {record.groupid}: none of its {len(jobs)} jobs had begun")
        for path in record.aux_logs:
            self._cluster_says(Path(path))

    def _at(self, moment: float) -> float:
        """A moment of our clock as a file's time, a second early for coarse file systems."""
        return time.time() - (self.now() - moment) - 1

    def _last_words(self, job: int, rule: str, logs, since: float) -> None:
        rule, wildcards = self.jobs.get(job, (rule, ()))
        self._say(f"FAILED {title(rule, wildcards)}")
        for path in map(Path, logs):
            if CLUSTER_LOGS in path.parts:
                self._cluster_says(path)
                continue
            # A log of an earlier try would tell of another mistake.
            if _written(path) < since:
                self._say(f"it ended before it wrote to its log, {path}; see above")
                continue
            self._say(f"its log, {path}, ends:")
            for line in path.read_text(errors="replace").splitlines()[-LOG_LINES:]:
                self._say(f"  {line}")
            if not _holds_error(path):
                self._say("  (no error in it: the job was killed, perhaps for want of memory)")

    def _cluster_says(self, path: Path) -> None:
        """Snakemake's own lines stand around what SLURM says of a job."""
        self._say(f"SLURM's log of it: {path}")
        if path.exists():
            lines = path.read_text(errors="replace").splitlines()
            told = [line for line in lines if line.startswith(("slurmstepd:", "srun: error:"))]
            for line in told[-LOG_LINES:]:
                self._say(f"  {line}")

    def _say(self, line: str) -> None:
        print(line, file=self.out, flush=True)


def _written(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _holds_error(path: Path) -> bool:
    return " ERROR " in path.read_text(errors="replace")


def watch(jobs, logger: logging.Logger) -> None:
    """Let an Overview of `jobs` (Snakemake's) speak in place of Snakemake's own lines."""
    rules = {job.jobid: (job.rule.name, list(job.wildcards)) for job in jobs if job.output}
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream in (
            sys.stderr,
            sys.stdout,
        ):
            handler.addFilter(_not_replaced)
    before = {row["stage"]: row["seconds"] / row["jobs"] for row in stages()}
    logger.addHandler(Overview(rules, before))


def _not_replaced(record: logging.LogRecord) -> bool:
    told = getattr(record, "event", None) in Overview.replaced
    return not told and not str(record.msg).startswith("Select jobs")


def stages() -> list[dict]:
    """Seconds and memory of each rule's jobs when they last ran, the dearest rule first.

    From the benchmark files of the folder. `memory_mb` is the largest resident set of
    a job, `unique_mb` the part that no other process shares; files that it alone has
    mapped are in both.
    """
    jobs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for path in sorted(BENCHMARKS.rglob("*.tsv")):
        stage = path.relative_to(BENCHMARKS).parts[0].removesuffix(".tsv")
        jobs[stage] += _read(path)
    rows = [
        {
            "stage": stage,
            "jobs": len(own),
            "seconds": sum(row["s"] for row in own),
            "longest": max(row["s"] for row in own),
            "memory_mb": max(row["max_rss"] for row in own),
            "unique_mb": max(row["max_uss"] for row in own),
        }
        for stage, own in jobs.items()
        if own
    ]
    return sorted(rows, key=lambda row: -row["seconds"])


def _read(path: Path) -> list[dict[str, float]]:
    """A benchmark file's row, or none: Snakemake does not write it beside and rename.

    A job too short to be measured has no memory.
    """
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [{key: _number(row[key]) for key in ("s", "max_rss", "max_uss")} for row in rows[-1:]]


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def write_stages(rows: list[dict]) -> None:
    """`stages` as a CSV file beside what it is made of."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(BENCHMARKS / "stages.csv", out.getvalue())


def stage_table(rows: list[dict]) -> str:
    """`stages` to be read by a person."""
    head = f"{'stage':<18}{'jobs':>6}{'seconds':>10}{'longest':>10}{'memory MB':>12}{'unique':>10}"
    lines = [
        f"{r['stage']:<18}{r['jobs']:>6}{r['seconds']:>10.0f}{r['longest']:>10.0f}"
        f"{r['memory_mb']:>12.0f}{r['unique_mb']:>10.0f}"
        for r in rows
    ]
    return "\n".join([head, *lines])
