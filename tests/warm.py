"""Run `snakemake` in a fork of a process that has imported the heavy packages.

Importing Snakemake takes 1.5 s of CPU time, PyTorch with transformers 6 s. These imports are most
of the time of a test that starts one command and one job. The standard library's fork server
imports them once. Each command is a fresh fork of that server with its own working directory,
environment and output, and so is each Python job that it starts. The server imports no code of
this workflow. Tests of kills, of SLURM and of the real model use the command line.
"""

import multiprocessing
import os
import sys
import threading
from multiprocessing import connection, forkserver
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

#: third-party modules that commands and tests' jobs import besides those of jobs/warm.py
MORE = (
    "snakemake_executor_plugin_slurm",
    "jsonschema",
    "transformers.models.roberta.modeling_roberta",
    "datasets",
    "matplotlib.pyplot",
)
#: pytest's path to the modules of this checkout; a fork drops it and imports those of its Snakefile
SCRIPTS = str(Path(__file__).parent.parent / "workflow" / "scripts")

context = multiprocessing.get_context("forkserver")
#: Starting a process also reads the exit statuses of those that ended, and each can be read only
#: once. Without the lock, a thread that waits for such a process would read 255.
_one_at_a_time = threading.Lock()


def snakemake(folder: Path, arguments: list[str]) -> CompletedProcess:
    """Run `snakemake` with these arguments in a folder to its end."""
    # Not at the top: the forks import this module, and take the library from their Snakefile.
    from paramlerp.jobs.warm import HEAVY

    context.set_forkserver_preload([*HEAVY, *MORE])
    with TemporaryDirectory() as scratch:
        outputs = [Path(scratch, name) for name in ("stdout", "stderr")]
        for path in outputs:
            path.touch()
        process = _started(_command, arguments, os.fspath(folder), dict(os.environ), outputs)
        status = _ended(process)
        return CompletedProcess(arguments, status, *(path.read_text() for path in outputs))


def _started(target, *arguments) -> multiprocessing.Process:
    """Call `target` in a fork of the server."""
    process = context.Process(target=target, args=arguments)
    with _one_at_a_time:
        process.start()
    return process


def _ended(process: multiprocessing.Process) -> int:
    """Wait for a fork to end and return its exit status."""
    connection.wait([process.sentinel])
    with _one_at_a_time:
        process.join()
        return process.exitcode


def _command(arguments, folder, environment, outputs) -> None:
    _enter(folder, environment, outputs)
    # The workflow starts jobs in the same way (jobs/warm.py): by this server, not by another.
    forkserver._forkserver.ensure_running = lambda: None
    from snakemake import cli

    sys.argv = ["snakemake", *arguments]
    cli.main(arguments)


def _enter(folder: str, environment: dict[str, str], outputs) -> None:
    """Give the fork the output, folder, environment and module path of a new Python process."""
    for path, stream in zip(outputs, (1, 2), strict=True):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [path for path in sys.path if path != SCRIPTS]
