"""Run the workflow in a folder: to its end, in the background, or as a dry run."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import warm

ROOT = Path(__file__).parent.parent
TINY_CONFIG = ROOT / "tests" / "tiny.yaml"
IMPATIENT = ROOT / "tests" / "impatient.py"


def arguments_of(folder: Path, *arguments, configfile=TINY_CONFIG, root: Path = ROOT) -> list[str]:
    """Arguments of `snakemake` to run the workflow in `root` with `folder` as working directory."""
    out = [*arguments]
    out += [] if {"--cores", "--profile"} & set(arguments) else ["--cores", "2"]
    out += ["--snakefile", str(root / "Snakefile"), "--directory", str(folder)]
    configfiles = configfile if isinstance(configfile, list) else [configfile]
    return [*out, "--configfile", *map(str, configfiles)]


def snakemake(folder: Path, *arguments, **options) -> subprocess.CompletedProcess:
    """Run the workflow to its end in a fork that has the imports done (see warm.py)."""
    return warm.snakemake(folder, arguments_of(folder, *arguments, **options))


def command(folder: Path, *arguments, **options) -> list[str]:
    """The command line that users type. With --profile, impatient.py shortens its waits."""
    on_cluster = "--profile" in arguments
    program = [str(IMPATIENT)] if on_cluster else ["-m", "snakemake"]
    return [sys.executable, *program, *arguments_of(folder, *arguments, **options)]


def snakemake_command(folder: Path, *arguments, **options) -> subprocess.CompletedProcess:
    """Run the workflow to its end by the command line, as users do."""
    return subprocess.run(
        command(folder, *arguments, **options), capture_output=True, text=True, cwd=folder
    )


@contextmanager
def started(folder: Path, *arguments, **options):
    """Run the command line in the background. On exit, its process group is killed.

    pytest shows the end of what it printed if the test fails.
    """
    with open(folder / "run.log", "a") as log:
        process = subprocess.Popen(
            command(folder, *arguments, **options),
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print((folder / "run.log").read_text(errors="replace")[-5000:])


def wait_for(condition, process, event: str, seconds: float = 300):
    """Poll until `condition()` is true and return its value.

    Fails if `process` (unless None) ends first, or after `seconds`. `event` names the condition
    in the message.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert process is None or process.poll() is None, f"the process ended before {event}"
        assert time.monotonic() < end, f"not within {seconds} s: {event}"
        time.sleep(0.002)
    return value


def planned(folder: Path, *arguments, **options) -> dict[str, int]:
    """Rule -> number of jobs that a run would start, as a dry run lists them."""
    run = snakemake(folder, "--dry-run", *arguments, **options)
    assert run.returncode == 0, run.stdout + run.stderr
    table = re.search(r"^job +count\n-[- ]+\n(.*?)^total", run.stdout + run.stderr, re.M | re.S)
    lines = (line.split() for line in table[1].splitlines()) if table else ()
    return {rule: int(count) for rule, count in lines if rule != "all"}
