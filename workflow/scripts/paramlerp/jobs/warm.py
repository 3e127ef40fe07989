"""Start the Python jobs of a local run as forks of a process that has imported the heavy packages.

PyTorch and transformers take 6 s of CPU time to import, more than the work of many a job. The
standard library's fork server imports them once, before the first job that runs a model. It runs
no model itself and no code of this workflow. Each job from then on is a fresh fork of it, with the
folder, the environment and the output that a process of its own would have. Jobs on a cluster, in
a conda environment or in a container start as Snakemake has it.
"""

import multiprocessing
import os
import sys
import threading
from contextlib import suppress
from multiprocessing import connection, forkserver, reduction
from pathlib import Path
from subprocess import CalledProcessError

#: third-party modules that jobs import. Of the threads that they start, those of OpenBLAS and
#: jemalloc survive a fork; onnxruntime's would not, so it is left out.
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
    "matplotlib.pyplot",
)
#: Snakemake sets {name}_NUM_THREADS for each job, and libraries read them when they are imported
_THREADS = ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(HEAVY))
#: Starting a process also reads the exit statuses of those that ended, and each can be read only
#: once. Without the lock, a thread that waits for such a process would read 255.
_one_at_a_time = threading.Lock()
#: whether there is a server; a process that is itself a fork of one (in tests) uses that one
_server_runs = multiprocessing.parent_process() is not None


def start_jobs() -> None:
    """Have Snakemake, in this process, run the Python scripts of rules in forks from now on."""
    from snakemake import script

    in_its_own_process = script.PythonScript.execute_script

    def execute_script(job, file, edit=False):
        runs_a_model = job.resources.get("gpu") is not None
        elsewhere = job.conda_env or job.container_img or job.env_modules
        if elsewhere or not (runs_a_model or _server_runs):
            in_its_own_process(job, file, edit)
        else:
            _run_job(job, file)

    script.PythonScript.execute_script = execute_script


def _start(target, *arguments) -> multiprocessing.Process:
    """Call `target`, a function of a module, in a fork of the server."""
    process = _context.Process(target=target, args=arguments)
    with _one_at_a_time:
        if not _server_runs:
            _start_server()
        process.start()
    return process


def _start_server() -> None:
    global _server_runs
    # Libraries read these variables once, when they are loaded: numpy's sums in a job must not
    # depend on how many cores there are. PyTorch lets each job change its threads.
    before = {name: os.environ.get(name) for name in _threads(1)}
    os.environ.update(_threads(1))
    forkserver.ensure_running()
    _server_runs = True
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def _threads(count: int) -> dict[str, str]:
    return {f"{name}_NUM_THREADS": str(count) for name in _THREADS}


def _end(process: multiprocessing.Process) -> int:
    """Wait for a fork to end and return its exit status."""
    connection.wait([process.sentinel])
    with _one_at_a_time:
        process.join()
        return process.exitcode


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

    environment = dict(os.environ) | _threads(job.threads)
    # Some jobs would end before Snakemake's benchmark finds their process: they wait for it.
    wait, go = _context.Pipe(duplex=False)
    process = _start(_script, file, os.getcwd(), environment, Output(), wait)
    wait.close()
    with benchmarked(process.pid, job.bench_record):
        go.close()
        status = _end(process)
    if status:
        raise CalledProcessError(status, [sys.executable, file])


def _script(
    file: str, folder: str, environment: dict[str, str], output: Output, wait: connection.Connection
) -> None:
    """Run a script as a process of its own would, once the other end of `wait` is closed."""
    wait.poll(None)
    output.take_on()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with suppress(OSError):  # what `ps` and `top` call it: "generate" of tmpx1.generate.py
        Path("/proc/self/comm").write_text(Path(file).stem.rpartition(".")[2])
    sys.argv = [file]
    sys.path.insert(0, os.path.dirname(file))
    code = compile(Path(file).read_bytes(), file, "exec")
    exec(code, {"__name__": "__main__", "__file__": file})
