"""What a run prints: a line for each job that ends, the time left, and why a job failed."""

import logging
import sys
import time
from collections import defaultdict
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

from ..jobs.progress import clock
from ..jobs.runtime import title
from .stages import stages

#: lines of a failed job's log that are shown
LOG_LINES = 12
#: the folder where Snakemake's SLURM plugin writes the cluster's logs
CLUSTER_LOGS = "slurm_logs"


class Overview(logging.Handler):
    """Prints a line as each job ends, with the time left, and the end of a failed job's log.

    `jobs` is job id -> (rule, wildcards) of all jobs to run. The time left is the mean time of
    each waiting job's rule, in this run or else `before` (rule -> mean seconds), divided by the
    number of jobs that ran side by side so far. If more than a tenth of the waiting jobs are of
    rules that were never timed, it is printed as a lower bound. `pictures` is job id -> the
    picture that the job makes, which has a line of its own.
    """

    #: events whose lines by Snakemake are replaced by ours
    replaced = (LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.PROGRESS)

    def __init__(
        self,
        jobs: dict,
        before: dict[str, float],
        pictures: dict[int, str] | None = None,
        now=time.monotonic,
        out=sys.stderr,
    ):
        super().__init__()
        self.jobs, self.before, self.now, self.out = jobs, before, now, out
        self.pictures = pictures or {}
        self.began = now()
        self.running: dict[int, float] = {}
        self.took: dict[str, list[float]] = defaultdict(list)
        self.groups_failed: dict[frozenset[int], float] = {}
        self.done: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_STARTED:
            # An id that is not in `jobs` is a cluster job: a group of several of them.
            single = (job for job in record.jobs if job in self.jobs)
            self.running |= dict.fromkeys(single, self.now())
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.jobs:
            self._finished(record.job_id)
        elif event == LogEvent.GROUP_ERROR:
            self._group_failed(record)
        elif event == LogEvent.JOB_ERROR and not getattr(record, "indent", False):
            self._failed(record)  # the indented ones repeat the jobs of a failed group

    def _finished(self, job: int) -> None:
        rule, wildcards = self.jobs[job]
        began = self.running.pop(job, None)
        if began is not None:  # in a cluster job only the whole group is timed
            self.took[rule].append(self.now() - began)
        self.done.add(job)
        state = f"{len(self.done)}/{len(self.jobs)} jobs, {clock(self.now() - self.began)}"
        left = self.left()
        took = "" if began is None else f": {clock(self.now() - began)}"
        self._print(f"({state}{left and ', ' + left}) {title(rule, wildcards)}{took}")
        if job in self.pictures:
            self._print(f"--> {self.pictures[job]} is ready")

    def left(self) -> str:
        """The time left as text, or "" if less than half of the waiting jobs can be timed."""
        now = self.now()
        mean = {**self.before, **{rule: sum(t) / len(t) for rule, t in self.took.items()}}
        waiting = [job for job in self.jobs if job not in self.done]
        timed = [job for job in waiting if self.jobs[job][0] in mean]
        if not timed or 2 * len(timed) < len(waiting) or now == self.began:
            return ""
        work = sum(mean[self.jobs[job][0]] for job in timed)
        begun = {job: now - start for job, start in self.running.items()}
        work -= sum(min(begun.get(job, 0), mean[self.jobs[job][0]]) for job in timed)
        spent = sum(map(sum, self.took.values())) + sum(begun.values())
        side_by_side = max(spent / (now - self.began), 1)
        word = "about" if len(timed) >= 0.9 * len(waiting) else "more than"
        return f"{word} {clock(work / side_by_side)} left"

    def _failed(self, record: logging.LogRecord) -> None:
        """Print why a single job failed, here or on a cluster."""
        since = self._file_time(self.running.pop(record.jobid, self.began))
        self._end_of_log(record.jobid, record.rule_name, record.log, since)
        if message := getattr(record, "rule_msg", None):
            self._print(f"  {message}")

    def _group_failed(self, record: logging.LogRecord) -> None:
        """Print why a cluster job failed: the logs of the jobs in it that ran, and SLURM's log."""
        jobs = record.job_error_info
        # The time of submission is unknown. A log written before the last failure is old.
        group = frozenset(job["jobid"] for job in jobs)
        since = self._file_time(self.groups_failed.get(group, self.began))
        self.groups_failed[group] = self.now()
        logs = {job["jobid"]: path for job in jobs for path in map(Path, job["log"][:1])}
        fresh = {job: path for job, path in logs.items() if _written(path) >= since}
        failed = [job for job, path in fresh.items() if _holds_error(path)]
        # If no log holds an error, the job that wrote last was killed.
        for job in failed or sorted(fresh, key=lambda job: _written(fresh[job]))[-1:]:
            self._end_of_log(job, "", [fresh[job]], since)
        if not fresh:
            self._print(f"FAILED {record.groupid}: none of its {len(jobs)} jobs had begun")
        for path in record.aux_logs:
            self._end_of_cluster_log(Path(path))

    def _file_time(self, moment: float) -> float:
        """A moment of `now()` as a file's time, one second early for coarse file systems."""
        return time.time() - (self.now() - moment) - 1

    def _end_of_log(self, job: int, rule: str, logs, since: float) -> None:
        rule, wildcards = self.jobs.get(job, (rule, ()))
        self._print(f"FAILED {title(rule, wildcards)}")
        for path in map(Path, logs):
            if CLUSTER_LOGS in path.parts:
                self._end_of_cluster_log(path)
                continue
            # An older log is of an earlier try, which may have failed for another reason.
            if _written(path) < since:
                self._print(f"it ended before it wrote to its log, {path}; see above")
                continue
            self._print(f"its log, {path}, ends:")
            for line in path.read_text(errors="replace").splitlines()[-LOG_LINES:]:
                self._print(f"  {line}")
            if not _holds_error(path):
                self._print("  (no error in it: the job was killed, perhaps for want of memory)")

    def _end_of_cluster_log(self, path: Path) -> None:
        """Print what SLURM wrote about a job; Snakemake's own lines around it are left out."""
        self._print(f"SLURM's log of it: {path}")
        if path.exists():
            lines = path.read_text(errors="replace").splitlines()
            by_slurm = [line for line in lines if line.startswith(("slurmstepd:", "srun: error:"))]
            for line in by_slurm[-LOG_LINES:]:
                self._print(f"  {line}")

    def _print(self, line: str) -> None:
        print(line, file=self.out, flush=True)


def _written(path: Path) -> float:
    """When a file was last written; 0 if there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def _holds_error(path: Path) -> bool:
    return " ERROR " in path.read_text(errors="replace")


def watch(jobs: list, logger: logging.Logger) -> None:
    """Print the overview of `jobs` (Snakemake's) in place of Snakemake's own lines."""
    rules = {job.jobid: (job.rule.name, list(job.wildcards)) for job in jobs if job.output}
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream in (
            sys.stderr,
            sys.stdout,
        ):
            handler.addFilter(_not_replaced)
    before = {row["stage"]: row["seconds"] / row["jobs"] for row in stages()}
    logger.addHandler(Overview(rules, before, _pictures(jobs)))


def _pictures(jobs) -> dict[int, str]:
    return {j.jobid: file for j in jobs for file in j.output if file.endswith(".png")}


def _not_replaced(record: logging.LogRecord) -> bool:
    replaced = getattr(record, "event", None) in Overview.replaced
    return not replaced and not str(record.msg).startswith("Select jobs")
