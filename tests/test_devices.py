"""One GPU a job, whatever runs beside it. The names stand for GPUs that are not there."""

import os
import select
import subprocess
import sys

import pytest

from conftest import ROOT

JOB = """
import sys, time
import torch
from paramlerp import devices
devices.claim(int(sys.argv[1]))
print(devices.named(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    """Start jobs that take their GPUs and hold them."""
    running = []

    def job(asked: int, visible: str = "0,1", **environment) -> subprocess.Popen:
        own = {"PYTHONPATH": str(ROOT / "workflow" / "scripts"), "TMPDIR": str(tmp_path)}
        own |= {"CUDA_VISIBLE_DEVICES": visible, **environment}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", JOB, str(asked)],
                env={**os.environ, **own},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield job
    for process in running:
        process.kill()
        process.wait()


def said(process) -> str:
    return process.stdout.readline().strip()


def test_jobs_side_by_side_have_a_gpu_each_and_the_next_waits(start):
    jobs = {said(job): job for job in (start(1), start(1))}
    assert set(jobs) == {f"CPU (CUDA_VISIBLE_DEVICES={i})" for i in "01"}
    third = start(0)  # what asks for none may use one that is there
    assert not select.select([third.stdout], [], [], 5)[0], "it waits"
    freed = "CPU (CUDA_VISIBLE_DEVICES=1)"
    jobs[freed].kill()  # however a job ends, its GPU is free
    assert said(third) == freed


def test_two_that_want_all_take_turns(start):
    first = start(2)
    assert said(first) == "CPU (CUDA_VISIBLE_DEVICES=0,1)"
    second = start(2)
    first.kill()
    assert said(second) == "CPU (CUDA_VISIBLE_DEVICES=0,1)"


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_without_a_gpu_nobody_waits(start, visible):
    for process in (start(1, visible), start(1, visible)):
        assert said(process).startswith("CPU")


def test_a_cluster_s_job_has_what_it_asked_for(start):
    """Jobs of two allocations may call two GPUs by one name; one that asked for none has none."""
    first, second = start(1, "0", SLURM_JOB_ID="7"), start(1, "0", SLURM_JOB_ID="8")
    assert said(first) == said(second) == "CPU (CUDA_VISIBLE_DEVICES=0)"
    assert said(start(0, "0", SLURM_JOB_ID="9")) == "CPU"


def test_the_user_may_want_the_cpu(start):
    """By accelerate's own switch; then nobody waits either."""
    for process in (start(1, "0", ACCELERATE_USE_CPU="true") for _ in range(2)):
        assert said(process) == "CPU (CUDA_VISIBLE_DEVICES=0)"
