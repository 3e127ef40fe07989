"""What a run prints: progress, the time left, failed jobs with their logs, costs of stages."""

import errno
import io
import logging
import os
import time

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from paramlerp.plan import lock, overview, stages

JOBS = {
    1: ("candidate", ["positive", "lr=1e-05"]),
    2: ("merge", ["g1", "alpha=0.500"]),
    3: ("generate", ["neutral", "g1", "alpha=0.500", "0-3"]),
    4: ("generate", ["neutral", "g1", "alpha=1.000", "0-3"]),
}


class SimulatedRun:
    """A clock that the test sets, and an Overview that reads it."""

    def __init__(self, before=None):
        self.time = 100.0
        self.out = io.StringIO()
        self.overview = overview.Overview(JOBS, before or {}, now=lambda: self.time, out=self.out)

    def emit(self, event, **fields):
        """Hand an event of Snakemake to the overview."""
        record = logging.makeLogRecord({"event": event, **fields})
        self.overview.emit(record)

    def printed_after(self, seconds, event, **fields) -> str:
        """Let some seconds pass, emit an event, and return what the overview prints for it."""
        self.time += seconds
        before = len(self.out.getvalue())
        self.emit(event, **fields)
        return self.out.getvalue()[before:]


def printed_for_failed_job(log) -> str:
    """What the overview prints when job 3 fails."""
    fields = {"jobid": 3, "rule_name": "generate", "log": [str(log)]}
    return SimulatedRun().printed_after(0, LogEvent.JOB_ERROR, **fields)


def test_a_finished_job_is_one_line():
    run = SimulatedRun()
    run.emit(LogEvent.JOB_STARTED, jobs=[1])
    line = run.printed_after(65, LogEvent.JOB_FINISHED, job_id=1)
    assert line == "(1/4 jobs, 1:05) candidate positive lr=1e-05: 1:05\n"


def test_the_time_left_is_estimated_from_jobs_of_the_same_rule():
    """Earlier runs timed two rules of three; their time is divided by the jobs side by side."""
    run = SimulatedRun({"generate": 30.0, "merge": 10.0})
    run.emit(LogEvent.JOB_STARTED, jobs=[1, 2])
    line = run.printed_after(10, LogEvent.JOB_FINISHED, job_id=2)
    # Two jobs of generate wait, 60 s; two jobs ran side by side; candidate was never timed.
    assert "(1/4 jobs, 0:10, more than 0:30 left) merge" in line
    run.emit(LogEvent.JOB_STARTED, jobs=[3])
    run.printed_after(40, LogEvent.JOB_FINISHED, job_id=1)
    line = run.printed_after(0, LogEvent.JOB_FINISHED, job_id=3)
    # One job of generate waits. This run's mean, 40 s, replaces the mean of earlier runs.
    assert "(3/4 jobs, 0:50, about 0:20 left) generate" in line


def test_a_running_job_counts_with_its_remaining_time():
    run = SimulatedRun({"generate": 30.0})
    run.emit(LogEvent.JOB_STARTED, jobs=[3])
    run.time += 20
    run.overview.done = {1, 2}
    assert run.overview.left() == "about 0:40 left"


def test_a_failed_job_shows_the_end_of_its_log(tmp_path):
    log = tmp_path / "generate.log"
    lines = [f"INFO line {i}" for i in range(50)] + ["12:00 ERROR error: no such thing"]
    log.write_text("\n".join(lines))
    printed = printed_for_failed_job(log)
    first, second, *shown = printed.splitlines()
    assert first == "FAILED generate neutral g1 alpha=0.500 0-3"
    assert second == f"its log, {log}, ends:"
    assert len(shown) == overview.LOG_LINES and shown[-1] == "  12:00 ERROR error: no such thing"


@pytest.mark.parametrize("content", ["INFO 12/192 texts, 0:40 left", ""])
def test_a_log_without_an_error_is_explained_by_a_kill(tmp_path, content):
    log = tmp_path / "generate.log"
    log.write_text(content)
    printed = printed_for_failed_job(log)
    assert printed.splitlines()[-1].endswith("perhaps for want of memory)")


@pytest.mark.parametrize("earlier", [True, False])
def test_a_log_of_an_earlier_try_is_not_shown(tmp_path, earlier):
    """A job that fails before it opens its log, at an import, has no log or an old one."""
    log = tmp_path / "generate.log"
    if earlier:
        log.write_text("ERROR of yesterday")
        os.utime(log, (0, 0))
    printed = printed_for_failed_job(log)
    assert printed.splitlines()[1:] == [f"it ended before it wrote to its log, {log}; see above"]


def group_error(tmp_path, **logs: str) -> dict:
    """The fields of the event for a failed cluster job of these jobs: _{id}=content of its log."""
    infos = []
    for job, content in logs.items():
        path = tmp_path / f"{job}.log"
        if content:
            path.write_text(content)
        infos.append({"jobid": int(job[1:]), "log": [str(path)]})
    cluster = tmp_path / "slurm_logs" / "12.log"
    cluster.parent.mkdir()
    lines = ["rule generate:", "slurmstepd: error: *** JOB 12 CANCELLED DUE TO TIME LIMIT ***"]
    cluster.write_text("\n".join(lines))
    return {"groupid": "point", "job_error_info": infos, "aux_logs": [str(cluster)]}


def test_a_killed_group_shows_its_running_job_and_the_log_of_the_cluster(tmp_path):
    """Of its jobs one had finished, one was killed, and one had not begun."""
    run = SimulatedRun()
    error = group_error(tmp_path, _2="INFO done", _3="INFO 12/192 texts", _4="")
    os.utime(tmp_path / "_2.log", (time.time(), time.time() - 0.5))
    lines = run.printed_after(0, LogEvent.GROUP_ERROR, **error).splitlines()
    assert lines[0] == "FAILED generate neutral g1 alpha=0.500 0-3"
    assert "  INFO 12/192 texts" in lines and lines[-2].startswith("SLURM's log of it: ")
    assert lines[-1] == "  slurmstepd: error: *** JOB 12 CANCELLED DUE TO TIME LIMIT ***"
    # Snakemake repeats the error for each job of the group.
    for job in (2, 3, 4):
        repeated = {"jobid": job, "rule_name": "x", "log": [], "indent": True}
        assert run.printed_after(0, LogEvent.JOB_ERROR, **repeated) == ""


def test_a_failed_group_shows_the_job_with_an_error(tmp_path):
    error = group_error(tmp_path, _3="12:00 ERROR error: no such thing", _4="INFO 12/192 texts")
    printed = SimulatedRun().printed_after(0, LogEvent.GROUP_ERROR, **error)
    assert printed.count("FAILED") == 1 and "ERROR error: no such thing" in printed


def test_a_group_tried_again_does_not_show_logs_of_the_first_try(tmp_path):
    run = SimulatedRun()
    error = group_error(tmp_path, _3="12:00 ERROR error: no such thing", _4="")
    assert "no such thing" in run.printed_after(0, LogEvent.GROUP_ERROR, **error)
    os.utime(tmp_path / "_3.log", (time.time(), time.time() - 60))
    run.time += 30
    printed = run.printed_after(0, LogEvent.GROUP_ERROR, **error)
    assert printed.startswith("FAILED point: none of its 2 jobs had begun")


def test_a_group_that_never_began_is_reported_as_such(tmp_path):
    error = group_error(tmp_path, _3="", _4="")
    printed = SimulatedRun().printed_after(0, LogEvent.GROUP_ERROR, **error)
    assert printed.startswith("FAILED point: none of its 2 jobs had begun\nSLURM's log of it: ")


def test_a_job_of_a_group_is_printed_without_its_time():
    run = SimulatedRun()
    run.emit(LogEvent.JOB_STARTED, jobs=["a group's id"])
    line = run.printed_after(65, LogEvent.JOB_FINISHED, job_id=2)
    assert line == "(1/4 jobs, 1:05) merge g1 alpha=0.500\n"


def test_a_file_system_without_locks_gives_a_warning_and_no_error(tmp_path, monkeypatch, capsys):
    def no_locks(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    lock.lock_folder(tmp_path / "lock").close()
    assert "has no locks" in capsys.readouterr().err


HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def test_seconds_and_memory_of_each_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = "generate/neutral/g1"
    for path, row in {
        f"{folder}/alpha=0.500/0-3.tsv": "30.5\t0:00:30\t1500.0\t0\t900.0\t0\t0\t0\t99\t30",
        f"{folder}/alpha=1.000/0-3.tsv": "20.0\t0:00:20\t1600.0\t0\t800.0\t0\t0\t0\t99\t20",
        "split/sentiment.tsv": "0.1\t0:00:00\tNA\tNA\tNA\tNA\t0\t0\t0\t0",
        f"{folder}/alpha=2.000/0-3.tsv": "",
    }.items():
        file = tmp_path / "results" / "benchmarks" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEADER + row + "\n")
    (tmp_path / "results" / "benchmarks" / "fig3.tsv").touch()  # empty, as after a power cut
    generate, split = stages.stages()
    assert generate == {
        "stage": "generate",
        "jobs": 2,
        "seconds": 50.5,
        "longest": 30.5,
        "memory_mb": 1600.0,
        "unique_mb": 900.0,
    }
    assert split["stage"] == "split" and split["memory_mb"] == 0
    lines = stages.stage_table([generate, split]).splitlines()
    assert lines[0].split() == ["stage", "jobs", "seconds", "longest", "memory", "MB", "unique"]
    assert lines[1].split() == ["generate", "2", "50", "30", "1600", "900"]
