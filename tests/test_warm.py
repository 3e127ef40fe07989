"""How a run starts its jobs: as forks of a warm process where it can, and at no rate of its own."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake import script
from snakemake.cli import get_argument_parser

from conftest import ROOT
from paramlerp.jobs import warm
from paramlerp.plan import session

SCRIPTS = ROOT / "workflow" / "scripts"


@pytest.fixture
def starts(monkeypatch) -> list[str]:
    """How jobs were started since `warm.start_jobs`: in a "process" of their own or in a "fork"."""
    seen: list[str] = []
    monkeypatch.setattr(
        script.PythonScript, "execute_script", lambda job, file, edit: seen.append("process")
    )
    monkeypatch.setattr(warm, "_run_job", lambda job, file: seen.append("fork"))
    monkeypatch.setattr(warm, "_start_server", lambda: True)
    monkeypatch.setattr(warm, "_ready", None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    warm.start_jobs()
    return seen


def start(**has) -> None:
    """Have Snakemake's patched method run the script of a job."""
    nothing = {"conda_env": None, "container_img": None, "env_modules": None, "resources": {}}
    script.PythonScript.execute_script(SimpleNamespace(**{**nothing, **has}), "file.py", False)


def test_the_first_job_that_runs_a_model_is_a_fork(starts):
    start(resources={"gpu": 1})
    assert starts == ["fork"]


def test_a_job_without_a_model_does_not_wait_for_the_imports_of_one(starts, monkeypatch):
    start(resources={"mem_mb": 500})
    monkeypatch.setattr(warm, "_ready", True)
    start(resources={"mem_mb": 500})
    assert starts == ["process", "fork"]


@pytest.mark.parametrize("where", ["conda_env", "container_img", "env_modules"])
def test_a_job_in_an_environment_of_its_own_is_no_fork(starts, where):
    start(resources={"gpu": 1}, **{where: "there"})
    assert starts == ["process"]


FORKS = """
import os, subprocess, sys
from types import SimpleNamespace
from paramlerp.jobs import warm
from snakemake import script

def run(text, threads=1, tmpdir=None):
    with open("job.py", "w") as file:
        file.write(text)
    resources = {"gpu": 0, "tmpdir": tmpdir}
    no = {"conda_env": None, "container_img": None, "env_modules": None, "bench_record": None}
    job = SimpleNamespace(threads=threads, resources=resources, **no)
    try:
        script.PythonScript.execute_script(job, "job.py")
    except subprocess.CalledProcessError as error:
        print("status", error.returncode, flush=True)

def in_its_own_process(job, file, edit):
    print("a process of its own", flush=True)

script.PythonScript.execute_script = in_its_own_process
warm.start_jobs()
os.environ["SEEN"] = "by the job"
"""
JOBS = """
variables = "os.environ['SEEN'], os.environ['OMP_NUM_THREADS'], os.environ['TMPDIR']"
run(f"import os; print({variables}, os.getppid())", 2, "/there")
run("import os, torch; print(torch.__name__, __name__, os.getppid())")
run("import multiprocessing, os; lock = multiprocessing.RLock(); os._exit(3)")
run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
"""


def forks(tmp_path, text: str, **variables: str) -> list[str]:
    """What jobs print that are started as in a run, line by line."""
    run = subprocess.run(
        [sys.executable, "-c", FORKS + text],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), **variables},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "leaked" not in run.stderr
    return run.stdout.splitlines()


def test_a_fork_has_the_environment_output_and_status_of_a_process(tmp_path):
    """The jobs are forks of one server."""
    first, second, *statuses = forks(tmp_path, JOBS)
    *seen, server = first.rsplit(" ", 1)
    assert seen == ["by the job 2 /there"]
    assert second == f"torch __main__ {server}"
    assert statuses == ["status 3", "status -9"]


def test_jobs_start_as_processes_where_no_server_can(tmp_path):
    """A socket's path has 107 bytes at most."""
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    assert forks(tmp_path, "run('')", TMPDIR=str(folder)) == ["a process of its own"]


ORPHAN = """
import os, signal, time
from paramlerp.jobs import main_process
os.environ |= main_process.variables()
run('''
import os, signal, time
from paramlerp.jobs import main_process
main_process.end_with_it()
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(4)
open("late", "w").write("written")
''')
time.sleep(6)
"""


def test_no_job_outlives_the_server(tmp_path):
    """Snakemake takes it for failed, and might start it again."""
    assert forks(tmp_path, ORPHAN) == ["status 255"]
    assert not (tmp_path / "late").exists()


GPU = """
run('''
import sys
from types import SimpleNamespace
from paramlerp.jobs import devices, runtime
devices.claim = lambda *args: print("claims", flush=True)
from paramlerp.{room} import {module}
no = SimpleNamespace(log=["log/job"], rule="r", wildcards=[], threads=1, resources=dict(gpu=0))
with runtime.job(SimpleNamespace(**vars(no), config=dict(jobs_per_gpu=1))):
    print("torch" in sys.modules, flush=True)
''')
"""


@pytest.mark.parametrize(
    ("module", "printed"),
    [(("weights", "merging"), ["True"]), (("lm", "models"), ["claims", "True"])],
    ids=["merging", "a model"],
)
def test_a_fork_claims_a_gpu_only_for_a_model(tmp_path, module, printed):
    assert forks(tmp_path, GPU.format(room=module[0], module=module[1])) == printed


HUB = """
import huggingface_hub
from paramlerp.jobs import environment
environment.allow_hub()
print(huggingface_hub.is_offline_mode())
"""


@pytest.mark.parametrize(("users_choice", "offline"), [("0", "False"), ("1", "True")])
def test_a_fork_whose_hub_library_is_imported_may_reach_the_hub(users_choice, offline):
    variables = {"HF_HUB_OFFLINE": "1", "PARAMLERP_HUB_OFFLINE": users_choice}
    run = subprocess.run(
        [sys.executable, "-c", HUB],
        env={**os.environ, **variables, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == [offline], run.stderr


def scheduler(*arguments: str) -> SimpleNamespace:
    """A scheduler with the limit of jobs that Snakemake's command line makes of arguments."""
    options = get_argument_parser().parse_args([*arguments])
    return SimpleNamespace(job_rate_limiter=options.max_jobs_per_timespan)


def test_snakemakes_own_rate_of_jobs_is_lifted():
    limited = scheduler()
    assert limited.job_rate_limiter is not None
    session.lift_default_rate(limited)
    assert limited.job_rate_limiter is None


def test_a_users_rate_of_jobs_stays():
    limited = scheduler("--max-jobs-per-timespan", "5/1m")
    session.lift_default_rate(limited)
    assert (limited.job_rate_limiter.max_jobs, limited.job_rate_limiter.timespan) == (5, 60)
