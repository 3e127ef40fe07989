"""One GPU a job, whatever runs beside it. The names stand for GPUs that are not there."""

import os
import select
import subprocess
import sys
import time

import pytest

from conftest import ROOT

JOB = """
import logging, sys, time
from paramlerp.jobs import devices
import torch
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
try:
    devices.claim(*map(int, sys.argv[1:]))
    print(devices.describe(), flush=True)
except Exception as error:
    print(type(error).__name__, error, flush=True)
time.sleep(300)
"""


@pytest.fixture
def start(tmp_path):
    """Start jobs that take their GPUs and hold them."""
    running = []

    def job(asked: int, wanted: int = 1, visible: str = "0,1", **environment):
        own = {"PYTHONPATH": str(ROOT / "workflow" / "scripts"), "TMPDIR": str(tmp_path)}
        own |= {"CUDA_VISIBLE_DEVICES": visible, **environment}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", JOB, str(asked), str(wanted)],
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
    """The next line of a job, which must come."""
    assert select.select([process.stdout], [], [], 60)[0], "it says nothing"
    return process.stdout.readline().strip()


def test_jobs_side_by_side_have_a_gpu_each_and_the_next_waits(start):
    jobs = {said(job): job for job in (start(1), start(1))}
    assert set(jobs) == {f"CPU (CUDA_VISIBLE_DEVICES={i})" for i in "01"}
    third = start(0)  # what asks for none may use one that is there
    assert said(third) == "waiting for 1 of the GPUs 0,1"
    freed = "CPU (CUDA_VISIBLE_DEVICES=1)"
    jobs[freed].kill()  # however a job ends, its GPU is free
    assert said(third) == freed


@pytest.mark.parametrize("asks", [(2, 1), (0, 2)])
def test_those_that_want_several_take_turns_and_are_not_overtaken(start, asks):
    """Asked of a cluster, or the processes of a training; one GPU that is free is kept for them."""
    one, other = start(1), start(1)
    assert {said(one), said(other)} == {f"CPU (CUDA_VISIBLE_DEVICES={i})" for i in "01"}
    both = start(*asks)
    assert said(both) == "waiting for 2 of the GPUs 0,1"
    one.kill()
    one.wait()
    time.sleep(1)
    third = start(1)
    assert said(third) == "waiting for 1 of the GPUs 0,1"
    third.kill()  # or it may be faster than the other, now
    third.wait()
    other.kill()
    assert said(both) == "CPU (CUDA_VISIBLE_DEVICES=0,1)"


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_without_a_gpu_nobody_waits(start, visible):
    for process in (start(1, visible=visible), start(1, visible=visible)):
        assert said(process).startswith("CPU")


def test_a_cluster_s_job_has_what_the_cluster_gave_it(start):
    """One that asked for none has none; one that was promised some does not go on without."""
    assert said(start(0, visible="0", SLURM_JOB_ID="9")) == "CPU"
    for visible in ("", "0"):
        refusal = said(start(2, visible=visible, SLURM_JOB_ID="9"))
        assert refusal.startswith("UserError 2 GPUs were asked for, but this job has fewer")


def test_in_an_allocation_of_the_user_s_own_all_is_as_at_home(start):
    """After salloc, the main process is in it, too."""
    own = {"SLURM_JOB_ID": "7", "PARAMLERP_MAIN_ALLOCATION": "7"}
    first, second = start(0, visible="3", **own), start(0, visible="3", **own)
    line = {said(first), said(second)}
    assert line == {"CPU (CUDA_VISIBLE_DEVICES=3)", "waiting for 1 of the GPUs 3"}


def test_the_user_may_want_the_cpu(start):
    """By accelerate's own switch; then nobody waits either."""
    for process in (start(1, visible="0", ACCELERATE_USE_CPU="true") for _ in range(2)):
        assert said(process) == "CPU (CUDA_VISIBLE_DEVICES=0)"


ASKS = """
import torch, importlib, sys
from paramlerp.jobs import devices
def asked(*_):
    raise AssertionError("CUDA was asked before a job has its GPU")
torch.cuda.is_available = torch._C._cuda_getDeviceCount = asked
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_nothing_asks_for_a_gpu_as_it_is_imported():
    """CUDA would see all of them then, and batches be a GPU's in a job that has none."""
    scripts = ROOT / "workflow" / "scripts"
    files = [path.relative_to(scripts).with_suffix("") for path in scripts.glob("**/[!_]*.py")]
    names = [".".join(file.parts) for file in files]
    run = subprocess.run(
        [sys.executable, "-c", ASKS, *names],
        env={**os.environ, "PYTHONPATH": str(scripts)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
