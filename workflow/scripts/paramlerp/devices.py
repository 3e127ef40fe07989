"""Which GPUs a job computes on: its own alone, whatever runs beside it. No torch is imported."""

import fcntl
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

logger = logging.getLogger("paramlerp")

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: accelerate's own switch, which all of ours obeys
CPU_ONLY = "ACCELERATE_USE_CPU"

_held: list = []  # locks are let go of with their files


def cpu_only() -> bool:
    """Whether the user wants no GPU used, be there one or not."""
    return os.environ.get(CPU_ONLY, "").lower() in ("1", "true", "yes", "y", "on")


def claim(asked: int) -> None:
    """Take GPUs that no other job of this machine holds, and see no others: `asked`, at least one.

    Waits until they are free. They are held until the process ends, however it ends: the
    kernel lets go of the locks. Where a cluster hands out GPUs it says which, and a job
    that asked it for none has none; jobs that share an allocation take turns.
    """
    if cpu_only():
        return
    allocation = os.environ.get("SLURM_JOB_ID", "")
    if allocation and not asked:
        os.environ[VISIBLE] = ""
        return
    devices = _visible()
    wanted = min(max(asked, 1), len(devices))
    if not wanted:
        return
    stem = f"paramlerp-{os.getuid()}-{allocation}-gpu-"
    told = False
    while len(locks := _free(devices, wanted, stem)) < wanted:
        for lock in locks.values():  # or two jobs could wait for each other's
            lock.close()
        if not told:
            logger.info("waiting for %d of the GPUs %s", wanted, ",".join(devices))
        told = True
        time.sleep(0.2)
    _held.extend(locks.values())
    os.environ[VISIBLE] = ",".join(locks)


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


def _free(devices: list[str], wanted: int, stem: str) -> dict:
    """Device -> the lock that we hold on it now, of up to `wanted` devices."""
    locks = {}
    for name in devices:
        path = Path(tempfile.gettempdir(), stem + name.replace("/", "_"))
        lock = open(path, "a")  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        locks[name] = lock
        if len(locks) == wanted:
            break
    return locks
