"""The GPUs of a job: its own, or shared with jobs that need little. Imports no torch."""

import fcntl
import itertools
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from .errors import UserError

logger = logging.getLogger("paramlerp")

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: accelerate's own switch
CPU_ONLY = "ACCELERATE_USE_CPU"

#: the SLURM allocation that the main process runs in, or empty
MAIN_ALLOCATION = "PARAMLERP_MAIN_ALLOCATION"

_gpu_locks: list = []  # a lock is released when its file is collected


def cpu_only() -> bool:
    """Whether the user forbids GPUs."""
    return os.environ.get(CPU_ONLY, "").lower() in ("1", "true", "t", "yes", "y", "on")


def claim(declared: int, wanted: int = 1, sharing: int = 1) -> None:
    """Lock GPUs for this process and set CUDA_VISIBLE_DEVICES to them.

    `declared` is the number of GPUs in the rule's resources, `wanted` the number that the job
    can use. On the main process's machine the job waits for the larger of the two, or for all
    GPUs there are if they are fewer. It has them for itself, but a job that declares none and
    wants one shares it with up to `sharing` - 1 others of its kind. A job that was submitted to a
    cluster uses the GPUs that the cluster allocated, none if it declared none; the jobs of one
    submission take turns. The kernel releases the locks when the process ends, however it ends.
    Raises UserError if a cluster allocated fewer GPUs than declared.
    """
    if cpu_only():
        return
    allocation = os.environ.get("SLURM_JOB_ID", "")
    submitted = allocation != os.environ.get(MAIN_ALLOCATION, "")
    if submitted and not declared:
        os.environ[VISIBLE] = ""
        return
    gpus = _visible_gpus()
    if submitted and (len(gpus) < declared or not sys.modules["torch"].cuda.is_available()):
        raise UserError(f"{declared} GPUs were asked for, but this job has fewer: {describe()}")
    count = min(max(declared, wanted), len(gpus))
    if not count:
        return
    stem = Path(tempfile.gettempdir(), f"paramlerp-{os.getuid()}-{allocation}-gpu-")
    shares = not declared and wanted == 1
    # One job at a time collects whole GPUs: two could each hold a GPU that the other needs. No job
    # takes a seat meanwhile, or seats that are taken in turn could keep it waiting for ever.
    gate, locks, logged = None, {}, False
    while True:
        gate = gate or _lock(f"{stem}s", shared=shares)
        # Seat by seat, so that jobs spread over the GPUs before they share one.
        for seat, name in itertools.product(range(sharing) if shares else [None], gpus):
            if gate and len(locks) < count and name not in locks:
                files = _lock_gpu(f"{stem}{name.replace('/', '_')}", seat)
                locks |= {name: files} if files else {}
        if gate and (shares or len(locks) == count):
            gate.close()
            gate = None
        if len(locks) == count:
            break
        if not logged:
            logger.info("waiting for %d of the GPUs %s", count, ",".join(gpus))
        logged = True
        time.sleep(0.2)
    _gpu_locks.extend(locks.values())
    os.environ[VISIBLE] = ",".join(sorted(locks, key=gpus.index))


def describe() -> str:
    """The device of this job, for its log. Call it after `claim`."""
    visible = os.environ.get(VISIBLE)
    suffix = f" ({VISIBLE}={visible})" if visible else ""
    cuda = sys.modules["torch"].cuda
    if cpu_only() or not cuda.is_available():
        return f"CPU{suffix}"
    return f"{cuda.device_count()} x {cuda.get_device_name()}{suffix}"


def _visible_gpus() -> list[str]:
    """The GPUs that this process may use, by their names in CUDA_VISIBLE_DEVICES."""
    names = os.environ.get(VISIBLE)
    if names is None:
        # PyTorch asks the driver here. CUDA itself must not start before `claim` is done: it
        # reads the variable only once.
        return [str(i) for i in range(sys.modules["torch"].cuda.device_count())]
    return [name for name in names.split(",") if name not in ("", "-1", "NoDevFiles")]


def _lock_gpu(path: str, seat: int | None) -> list:
    """Open files that lock a seat of a GPU, or the GPU as a whole; none if it is not free."""
    if seat is None:
        return list(filter(None, [_lock(path)]))
    if not (place := _lock(f"{path}-{seat}")):
        return []
    if shared := _lock(path, shared=True):
        return [place, shared]
    place.close()
    return []


def _lock(path: str, shared: bool = False):
    """An open file that this process has locked, or None if another process has locked it."""
    file = open(path, "a")  # noqa: SIM115
    try:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError as error:
        logger.warning("%s: no file locks here (%s): jobs may share a GPU", path, error)
    return file
