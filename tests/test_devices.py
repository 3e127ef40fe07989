"""One GPU for each job, with other jobs beside it. The tests name GPUs but need none."""

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
    """Start jobs that claim GPUs and keep them."""
    running = []

    def job(asked: int, wanted: int = 1, sharing: int = 1, visible: str = "0,1", **environment):
        job_environment = {
            "PYTHONPATH": str(ROOT / "workflow" / "scripts"),
            "TMPDIR": str(tmp_path),
            "CUDA_VISIBLE_DEVICES": visible,
            **environment,
        }
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", JOB, str(asked), str(wanted), str(sharing)],
                env={**os.environ, **job_environment},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield job
    for process in running:
        process.kill()
        process.wait()


def next_line(process) -> str:
    """The next line that a job prints. Fails if none comes within a minute."""
    assert select.select([process.stdout], [], [], 60)[0], "the job prints nothing"
    return process.stdout.readline().strip()


def test_concurrent_jobs_have_a_gpu_each_and_the_next_job_waits(start):
    jobs = {next_line(job): job for job in (start(1), start(1))}
    assert set(jobs) == {f"CPU (CUDA_VISIBLE_DEVICES={i})" for i in "01"}
    third = start(0)  # a job that asks for no GPU may still use one
    assert next_line(third) == "waiting for 1 of the GPUs 0,1"
    freed = "CPU (CUDA_VISIBLE_DEVICES=1)"
    jobs[freed].kill()  # even a killed job frees its GPU
    assert next_line(third) == freed


def test_jobs_that_declare_no_gpu_share_one_but_not_with_a_job_that_declares_it(start):
    """Four seats on two GPUs, and jobs spread before they share. The fifth job waits."""
    seats = {"asked": 0, "sharing": 2}
    jobs = {next_line(job): job for job in (start(**seats), start(**seats))}
    assert set(jobs) == {f"CPU (CUDA_VISIBLE_DEVICES={i})" for i in "01"}
    more = [next_line(start(**seats)) for _ in range(2)]
    assert sorted(more) == sorted(jobs)
    fifth = start(**seats)
    assert next_line(fifth) == "waiting for 1 of the GPUs 0,1"
    jobs["CPU (CUDA_VISIBLE_DEVICES=0)"].kill()
    assert next_line(fifth) == "CPU (CUDA_VISIBLE_DEVICES=0)"
    assert next_line(start(1)) == "waiting for 1 of the GPUs 0,1"


def test_a_job_that_waits_for_a_whole_gpu_is_not_overtaken_by_jobs_that_share(start):
    sharing = start(0, sharing=2, visible="0")
    assert next_line(sharing) == "CPU (CUDA_VISIBLE_DEVICES=0)"
    whole = start(1, visible="0")
    assert next_line(whole) == "waiting for 1 of the GPUs 0"
    later = start(0, sharing=2, visible="0")
    assert next_line(later) == "waiting for 1 of the GPUs 0"
    sharing.kill()
    assert next_line(whole) == "CPU (CUDA_VISIBLE_DEVICES=0)"


def test_a_gpu_that_a_job_declared_is_not_shared(start):
    assert next_line(start(1, visible="0")) == "CPU (CUDA_VISIBLE_DEVICES=0)"
    assert next_line(start(0, sharing=2, visible="0")) == "waiting for 1 of the GPUs 0"


@pytest.mark.parametrize("asks", [(2, 1), (0, 2)])
def test_a_job_that_wants_several_gpus_is_not_overtaken(start, asks):
    """GPUs as requested from a cluster or as processes of a training; a free GPU waits for it."""
    one, other = start(1), start(1)
    assert {next_line(one), next_line(other)} == {f"CPU (CUDA_VISIBLE_DEVICES={i})" for i in "01"}
    both = start(*asks)
    assert next_line(both) == "waiting for 2 of the GPUs 0,1"
    one.kill()
    one.wait()
    time.sleep(1)
    third = start(1)
    assert next_line(third) == "waiting for 1 of the GPUs 0,1"
    third.kill()  # else it could claim the freed GPU first
    third.wait()
    other.kill()
    assert next_line(both) == "CPU (CUDA_VISIBLE_DEVICES=0,1)"


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_without_a_gpu_no_job_waits(start, visible):
    for process in (start(1, visible=visible), start(1, visible=visible)):
        assert next_line(process).startswith("CPU")


def test_a_cluster_s_job_uses_the_gpus_that_the_cluster_gave_it(start):
    """A job that asked for none has none. A job with fewer GPUs than it asked for fails."""
    assert next_line(start(0, visible="0", SLURM_JOB_ID="9")) == "CPU"
    for visible in ("", "0"):
        refusal = next_line(start(2, visible=visible, SLURM_JOB_ID="9"))
        assert refusal.startswith("UserError 2 GPUs were asked for, but this job has fewer")


def test_jobs_within_the_user_s_allocation_share_gpus_as_on_a_local_machine(start):
    """After salloc, the main process runs within the allocation, too."""
    allocation = {"SLURM_JOB_ID": "7", "PARAMLERP_MAIN_ALLOCATION": "7"}
    first, second = (start(0, visible="3", **allocation) for _ in range(2))
    lines = {next_line(first), next_line(second)}
    assert lines == {"CPU (CUDA_VISIBLE_DEVICES=3)", "waiting for 1 of the GPUs 3"}


def test_the_user_may_choose_the_cpu(start):
    """By ACCELERATE_USE_CPU, which accelerate reads too. Then no job waits for a GPU."""
    for process in (start(1, visible="0", ACCELERATE_USE_CPU="true") for _ in range(2)):
        assert next_line(process) == "CPU (CUDA_VISIBLE_DEVICES=0)"


ASKS = """
import torch, importlib, sys
from paramlerp.jobs import devices
def asked(*_):
    raise AssertionError("CUDA was initialised before a job has its GPU")
torch.cuda.is_available = torch._C._cuda_getDeviceCount = asked
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_no_import_initialises_cuda():
    """Else CUDA would see all GPUs, and a job without one would choose batch sizes for a GPU."""
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
