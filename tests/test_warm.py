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
    monkeypatch.setattr(warm, "_server_runs", False)
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
    monkeypatch.setattr(warm, "_server_runs", True)
    start(resources={"mem_mb": 500})
    assert starts == ["process", "fork"]


@pytest.mark.parametrize("where", ["conda_env", "container_img", "env_modules"])
def test_a_job_in_an_environment_of_its_own_is_no_fork(starts, where):
    start(resources={"gpu": 1}, **{where: "there"})
    assert starts == ["process"]


FORKS = """
import os, subprocess
from types import SimpleNamespace
from paramlerp.jobs import warm

def run(text, threads=1):
    with open("job.py", "w") as file:
        file.write(text)
    job = SimpleNamespace(threads=threads, bench_record=None)
    try:
        warm._run_job(job, "job.py")
    except subprocess.CalledProcessError as error:
        print("status", error.returncode, flush=True)

os.environ["SEEN"] = "by the job"
run("import os; print(os.environ['SEEN'], os.environ['OMP_NUM_THREADS'], os.getppid())", 2)
run("import os, torch; print(torch.__name__, __name__, os.getppid())")
run("import sys; sys.exit(3)")
run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
print("OMP_NUM_THREADS" in os.environ)
"""


def test_a_fork_has_the_environment_output_and_status_of_a_process(tmp_path):
    """Both jobs are forks of one server, which leaves the main process as it was."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", FORKS],
        env=environment | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    first, second, *rest = run.stdout.splitlines()
    *seen, server = first.rsplit(" ", 1)
    assert seen == ["by the job 2"], run.stderr
    assert second == f"torch __main__ {server}"
    assert rest == ["status 3", "status -9", "False"]


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
