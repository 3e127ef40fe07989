"""Which GPUs a job computes on: its own alone, whatever runs beside it. No torch is imported."""

import fcntl
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from .errors import UserError

logger = logging.getLogger("paramlerp")

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: accelerate's own switch, which all of ours obeys
CPU_ONLY = "ACCELERATE_USE_CPU"

#: the allocation that the main process runs in, if that is in one
MAIN_ALLOCATION = "PARAMLERP_MAIN_ALLOCATION"

_held: list = []  # locks are let go of with their files


def cpu_only() -> bool:
    """Whether the user wants no GPU used, be there one or not."""
    return os.environ.get(CPU_ONLY, "").lower() in ("1", "true", "t", "yes", "y", "on")


def claim(asked: int, wanted: int = 1) -> None:
    """Take `wanted` GPUs that no other job of this machine holds, and see no others.

    Waits until they are free, if there are any. They are held until the process ends,
    however it ends: the kernel lets go of the locks. A job that was submitted to a cluster
    has those of the `asked` GPUs that the cluster gave it, and if it asked for none, none;
    those of one submission take turns. Raises UserError if a cluster gave fewer.
    """
    if cpu_only():
        return
    allocation = os.environ.get("SLURM_JOB_ID", "")
    submitted = allocation != os.environ.get(MAIN_ALLOCATION, "")
    if submitted and not asked:
        os.environ[VISIBLE] = ""
        return
    devices = _visible()
    if submitted and (len(devices) < asked or not sys.modules["torch"].cuda.is_available()):
        raise UserError(f"{asked} GPUs were asked for, and there is no such number here: {named()}")
    wanted = min(max(asked, wanted), len(devices))
    if not wanted:
        return
    stem = Path(tempfile.gettempdir(), f"paramlerp-{os.getuid()}-{allocation}-gpu-")
    # Who wants several gathers them one by one; two that did could wait for each other's.
    gathering = _lock(f"{stem}s", wait=True) if wanted > 1 else None
    locks, told = {}, False
    while True:
        for name in devices:
            if len(locks) < wanted and name not in locks:
                lock = _lock(f"{stem}{name.replace('/', '_')}")
                locks |= {name: lock} if lock else {}
        if len(locks) == wanted:
            break
        if not told:
            logger.info("waiting for %d of the GPUs %s", wanted, ",".join(devices))
        told = True
        time.sleep(0.2)
    if gathering:
        gathering.close()
    _held.extend(locks.values())
    os.environ[VISIBLE] = ",".join(sorted(locks, key=devices.index))


def named() -> str:
    """The device of this job, for its log. Call it after `claim`."""
    own = os.environ.get(VISIBLE)
    which = f" ({VISIBLE}={own})" if own else ""
    cuda = sys.modules["torch"].cuda
    if cpu_only() or not cuda.is_available():
        return f"CPU{which}"
    return f"{cuda.device_count()} x {cuda.get_device_name()}{which}"


def _visible() -> list[str]:
    """The GPUs that this process may use, by the names that CUDA goes by."""
    listed = os.environ.get(VISIBLE)
    if listed is None:
        # Asks the driver; CUDA itself, which reads the variable but once, is not started.
        return [str(i) for i in range(sys.modules["torch"].cuda.device_count())]
    return [name for name in listed.split(",") if name not in ("", "-1", "NoDevFiles")]


def _lock(path: str, wait: bool = False):
    """A file with a lock of ours on it, or None if another has that."""
    file = open(path, "a")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        file.close()
        return None
    except OSError as error:
        logger.warning("%s: no locks here (%s): jobs may share a GPU", path, error)
    return file
