"""Runs of the workflow in a folder: to the end, in the background, or planned alone."""

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
    """The arguments of `snakemake` for the workflow in `root`, with `folder` as its directory."""
    out = [*arguments]
    out += [] if {"--cores", "--profile"} & set(arguments) else ["--cores", "2"]
    out += ["--snakefile", str(root / "Snakefile"), "--directory", str(folder)]
    configfiles = configfile if isinstance(configfile, list) else [configfile]
    return [*out, "--configfile", *map(str, configfiles)]


def snakemake(folder: Path, *arguments, **options) -> subprocess.CompletedProcess:
    """Run the workflow to its end, in a fork of a process with the imports done (see warm.py)."""
    return warm.snakemake(folder, arguments_of(folder, *arguments, **options))


def command(folder: Path, *arguments, **options) -> list[str]:
    """The command line that users type; on a cluster, the same with shorter waits."""
    on_cluster = "--profile" in arguments
    program = [str(IMPATIENT)] if on_cluster else ["-m", "snakemake"]
    return [sys.executable, *program, *arguments_of(folder, *arguments, **options)]


def snakemake_command(folder: Path, *arguments, **options) -> subprocess.CompletedProcess:
    """Run the workflow to its end as users do, by the command line."""
    return subprocess.run(
        command(folder, *arguments, **options), capture_output=True, text=True, cwd=folder
    )


@contextmanager
def started(folder: Path, *arguments, **options):
    """Run the command line in the background, in a process group that is killed on leaving."""
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


def wait_for(condition, process, what: str, seconds: float = 300):
    """Poll until `condition()` is true and return its value.

    Fails if the process, if one is given, ends first, or after so many seconds.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert process is None or process.poll() is None, f"it ended before {what}"
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.002)
    return value


def planned(folder: Path, *arguments, **options) -> dict[str, int]:
    """Rule -> number of jobs that a run would start, from a dry run."""
    run = snakemake(folder, "--dry-run", *arguments, **options)
    assert run.returncode == 0, run.stdout + run.stderr
    table = re.search(r"^job +count\n-[- ]+\n(.*?)^total", run.stdout + run.stderr, re.M | re.S)
    lines = (line.split() for line in table[1].splitlines()) if table else ()
    return {rule: int(count) for rule, count in lines if rule != "all"}
