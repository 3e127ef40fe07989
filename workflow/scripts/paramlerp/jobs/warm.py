"""Start the Python jobs of a local run as forks of a process that has imported the heavy packages.

PyTorch and transformers take 6 s of CPU time to import, more than the work of many a job. The
standard library's fork server imports them once, for the first job that needs them. It runs no
model itself and no code of this workflow. Each job from then on is a fresh fork of it, with the
folder, the environment and the output that a process of its own would have. Jobs on a cluster, in
a conda environment or in a container start as Snakemake has it.
"""

import logging
import multiprocessing
import os
import sys
import threading
from contextlib import closing, suppress
from multiprocessing import connection, forkserver, reduction
from pathlib import Path
from subprocess import CalledProcessError

logger = logging.getLogger("paramlerp")

#: Third-party modules that jobs import, and the first two for the forks themselves: each imports
#: Snakemake's command again as its main module. Some libraries start threads, which no fork has:
#: OpenBLAS and jemalloc start theirs anew, onnxruntime would not, so it is left out.
HEAVY = (
    "snakemake.cli",
    "snakemake.script",
    "pandas",
    "torch",
    "transformers.models.auto.modeling_auto",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.llama.modeling_llama",
    "transformers.models.bert.modeling_bert",
    "transformers.tokenization_utils_fast",
    "matplotlib.figure",
)
#: variables by which Snakemake gives a job its threads, and its folder for temporary files
_THREADS = [f"{name}_NUM_THREADS" for name in ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")]
_TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")

_context = multiprocessing.get_context("forkserver")
#: Starting a process also reads the exit statuses of those that ended, and each can be read only
#: once. Without the lock, a thread that waits for such a process would read 255.
_one_at_a_time = threading.Lock()
#: whether the server is ready, None before it is needed; a process that is itself a fork of one
#: (in tests) uses that one
_ready: bool | None = None if forkserver.get_inherited_fds() is None else True


def start_jobs() -> None:
    """Have Snakemake, in this process, run the Python scripts of rules in forks from now on.

    Not on macOS, where a process that has loaded a system framework may not fork.
    """
    if sys.platform != "linux":
        return
    from snakemake import script

    # Libraries read these once, when the server loads them, so numpy has one thread in every job.
    # Snakemake sets them for each job; PyTorch's threads are set anew in each (`runtime.job`).
    os.environ |= dict.fromkeys(_THREADS, "1")
    in_its_own_process = script.PythonScript.execute_script

    def execute_script(job, file, edit=False):
        # A rule that requests resources of the config runs a model, or reads as much as one.
        heavy = job.resources.get("gpu") is not None
        elsewhere = job.conda_env or job.container_img or job.env_modules
        if elsewhere or not (_ready or (heavy and _start_server())):
            in_its_own_process(job, file, edit)
        else:
            _run_job(job, file)

    script.PythonScript.execute_script = execute_script


def _start_server() -> bool:
    """Start the server, wait for its imports, and say whether it is ready."""
    global _ready
    with _one_at_a_time:
        if _ready is None:
            _context.set_forkserver_preload(list(HEAVY))
            try:
                process = _context.Process(target=_nothing)
                process.start()
                process.join()
                _ready = True
            except (OSError, EOFError) as error:  # no socket in TMPDIR; an import that fails
                _ready = False
                logger.warning("jobs start without the imports done: %s", error)
    return _ready


def _nothing() -> None:
    pass


class Output:
    """The standard output and error of this process, for a fork to take on."""

    def __init__(self, *descriptors):
        self.descriptors = descriptors or (1, 2)

    def __reduce__(self):
        return Output, tuple(map(reduction.DupFd, self.descriptors))

    def take_on(self) -> None:
        """In a fork: make it the standard output and error."""
        for descriptor, stream in zip(self.descriptors, (1, 2), strict=True):
            os.dup2(descriptor.detach(), stream)


def _run_job(job, file: str) -> None:
    """Run a job's script in a fork. Raises CalledProcessError, as Snakemake's own way does."""
    from snakemake.benchmark import benchmarked

    environment = dict(os.environ) | dict.fromkeys(_THREADS, str(job.threads))
    if folder := job.resources.get("tmpdir"):
        environment |= dict.fromkeys(_TEMPORARY, str(folder))
    # Some jobs would end before Snakemake's benchmark finds their process: they wait for it.
    wait, go = _context.Pipe(duplex=False)
    arguments = (file, os.getcwd(), environment, Output(), wait)
    with closing(go):
        process = _context.Process(target=_script, args=arguments)
        with _one_at_a_time, closing(wait):
            process.start()
        with benchmarked(process.pid, job.bench_record):
            go.close()
            connection.wait([process.sentinel])
    with _one_at_a_time:
        process.join()
    if process.exitcode:
        raise CalledProcessError(process.exitcode, [sys.executable, file])


def _script(
    file: str, folder: str, environment: dict[str, str], output: Output, wait: connection.Connection
) -> None:
    """Run a script as a process of its own would, once the other end of `wait` is closed."""
    wait.poll(None)
    output.take_on()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # As in a new process: else a lock of a progress bar would be reported as leaked at the end.
    multiprocessing.set_start_method(None, force=True)
    with suppress(OSError):  # what `ps` and `top` call it: "generate" of tmpx1.generate.py
        Path("/proc/self/comm").write_text(Path(file).stem.rpartition(".")[2])
    sys.argv = [file]
    sys.path.insert(0, os.path.dirname(file))
    code = compile(Path(file).read_bytes(), file, "exec")
    exec(code, {"__name__": "__main__", "__file__": file})
