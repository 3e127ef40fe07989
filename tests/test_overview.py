"""What a person sees of a run: how far, how long still, what failed, what it took."""

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


class Watch:
    """A clock that the test moves, and an Overview that goes by it."""

    def __init__(self, before=None):
        self.time = 100.0
        self.out = io.StringIO()
        self.overview = overview.Overview(JOBS, before or {}, now=lambda: self.time, out=self.out)

    def tell(self, event, **fields):
        record = logging.makeLogRecord({"event": event, **fields})
        self.overview.emit(record)

    def after(self, seconds, event, **fields) -> str:
        self.time += seconds
        before = len(self.out.getvalue())
        self.tell(event, **fields)
        return self.out.getvalue()[before:]


def test_a_line_as_each_job_ends():
    watch = Watch()
    watch.tell(LogEvent.JOB_STARTED, jobs=[1])
    line = watch.after(65, LogEvent.JOB_FINISHED, job_id=1)
    assert line == "(1/4 jobs, 1:05) candidate positive lr=1e-05: 1:05\n"


def test_time_left_goes_by_jobs_of_the_same_rule():
    """Two rules of three are known from before: what is left of them, side by side."""
    watch = Watch({"generate": 30.0, "merge": 10.0})
    watch.tell(LogEvent.JOB_STARTED, jobs=[1, 2])
    line = watch.after(10, LogEvent.JOB_FINISHED, job_id=2)
    # 60 s of generate are known to wait, two jobs ran side by side, candidate is unknown
    assert "(1/4 jobs, 0:10, more than 0:30 left) merge" in line
    watch.tell(LogEvent.JOB_STARTED, jobs=[3])
    watch.after(40, LogEvent.JOB_FINISHED, job_id=1)
    line = watch.after(0, LogEvent.JOB_FINISHED, job_id=3)
    # one generate is left, and took 40 s this time
    assert "(3/4 jobs, 0:50, about 0:20 left) generate" in line


def test_a_running_job_counts_for_what_is_left_of_it():
    watch = Watch({"generate": 30.0})
    watch.tell(LogEvent.JOB_STARTED, jobs=[3])
    watch.time += 20
    watch.overview.done = {1, 2}
    assert watch.overview.left() == "about 0:40 left"


def test_a_failed_job_names_its_log_and_shows_its_end(tmp_path):
    log = tmp_path / "generate.log"
    lines = [f"INFO line {i}" for i in range(50)] + ["12:00 ERROR error: no such thing"]
    log.write_text("\n".join(lines))
    told = Watch().after(0, LogEvent.JOB_ERROR, jobid=3, rule_name="generate", log=[str(log)])
    first, where, *shown = told.splitlines()
    assert first == "FAILED generate neutral g1 alpha=0.500 0-3"
    assert where == f"its log, {log}, ends:"
    assert len(shown) == overview.LOG_LINES and shown[-1] == "  12:00 ERROR error: no such thing"


@pytest.mark.parametrize("content", ["INFO 12/192 texts, 0:40 left", ""])
def test_a_job_that_was_killed_left_no_error(tmp_path, content):
    log = tmp_path / "generate.log"
    log.write_text(content)
    told = Watch().after(0, LogEvent.JOB_ERROR, jobid=3, rule_name="generate", log=[str(log)])
    assert told.splitlines()[-1].endswith("perhaps for want of memory)")


@pytest.mark.parametrize("earlier", [True, False])
def test_a_log_of_an_earlier_try_is_not_shown(tmp_path, earlier):
    """What fails before its log is opened, an import, has none, or an old one."""
    log = tmp_path / "generate.log"
    if earlier:
        log.write_text("ERROR of yesterday")
        os.utime(log, (0, 0))
    told = Watch().after(0, LogEvent.JOB_ERROR, jobid=3, rule_name="generate", log=[str(log)])
    assert told.splitlines()[1:] == [f"it ended before it wrote to its log, {log}; see above"]


def group(tmp_path, **logs: str) -> dict:
    """The fields of what Snakemake says of a cluster's job that was these of ours."""
    told = []
    for job, content in logs.items():
        path = tmp_path / f"{job}.log"
        if content:
            path.write_text(content)
        told.append({"jobid": int(job[1:]), "log": [str(path)]})
    cluster = tmp_path / "slurm_logs" / "12.log"
    cluster.parent.mkdir()
    lines = ["rule generate:", "slurmstepd: error: *** JOB 12 CANCELLED DUE TO TIME LIMIT ***"]
    cluster.write_text("\n".join(lines))
    return {"groupid": "point", "job_error_info": told, "aux_logs": [str(cluster)]}


def test_of_a_group_what_was_at_work_is_told_and_what_the_cluster_says(tmp_path):
    """Merged; generating when it was killed; not begun."""
    watch = Watch()
    own = group(tmp_path, _2="INFO done", _3="INFO 12/192 texts", _4="")
    os.utime(tmp_path / "_2.log", (time.time(), time.time() - 0.5))
    told = watch.after(0, LogEvent.GROUP_ERROR, **own).splitlines()
    assert told[0] == "FAILED generate neutral g1 alpha=0.500 0-3"
    assert "  INFO 12/192 texts" in told and told[-2].startswith("SLURM's log of it: ")
    assert told[-1] == "  slurmstepd: error: *** JOB 12 CANCELLED DUE TO TIME LIMIT ***"
    for job in (2, 3, 4):  # which Snakemake says next, of each
        own = {"jobid": job, "rule_name": "x", "log": [], "indent": True}
        assert watch.after(0, LogEvent.JOB_ERROR, **own) == ""


def test_of_a_group_what_has_an_error_is_told(tmp_path):
    own = group(tmp_path, _3="12:00 ERROR error: no such thing", _4="INFO 12/192 texts")
    told = Watch().after(0, LogEvent.GROUP_ERROR, **own)
    assert told.count("FAILED") == 1 and "ERROR error: no such thing" in told


def test_of_a_group_tried_again_the_first_try_is_not_told(tmp_path):
    watch = Watch()
    own = group(tmp_path, _3="12:00 ERROR error: no such thing", _4="")
    assert "no such thing" in watch.after(0, LogEvent.GROUP_ERROR, **own)
    os.utime(tmp_path / "_3.log", (time.time(), time.time() - 60))
    watch.time += 30
    told = watch.after(0, LogEvent.GROUP_ERROR, **own)
    assert told.startswith("FAILED point: none of its 2 jobs had begun")


def test_of_a_group_that_never_began(tmp_path):
    own = group(tmp_path, _3="", _4="")
    told = Watch().after(0, LogEvent.GROUP_ERROR, **own)
    assert told.startswith("FAILED point: none of its 2 jobs had begun\nSLURM's log of it: ")


def test_jobs_of_a_group_have_no_seconds_of_their_own():
    watch = Watch()
    watch.tell(LogEvent.JOB_STARTED, jobs=["a group's id"])
    line = watch.after(65, LogEvent.JOB_FINISHED, job_id=2)
    assert line == "(1/4 jobs, 1:05) merge g1 alpha=0.500\n"


def test_a_file_system_without_locks_is_said_and_used(tmp_path, monkeypatch, capsys):
    def none(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", none)
    lock.lock_folder(tmp_path / "lock").close()
    assert "has no locks" in capsys.readouterr().err


HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def test_seconds_and_memory_of_each_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = "generate/neutral/g1"
    for path, row in {
        f"{place}/alpha=0.500/0-3.tsv": "30.5\t0:00:30\t1500.0\t0\t900.0\t0\t0\t0\t99\t30",
        f"{place}/alpha=1.000/0-3.tsv": "20.0\t0:00:20\t1600.0\t0\t800.0\t0\t0\t0\t99\t20",
        "split/sentiment.tsv": "0.1\t0:00:00\tNA\tNA\tNA\tNA\t0\t0\t0\t0",
        f"{place}/alpha=2.000/0-3.tsv": "",
    }.items():
        file = tmp_path / "results" / "benchmarks" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD + row + "\n")
    (tmp_path / "results" / "benchmarks" / "fig3.tsv").touch()  # a power cut
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
