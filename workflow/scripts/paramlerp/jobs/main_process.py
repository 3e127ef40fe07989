"""Jobs end with the main process of their machine, however that one ends.

A job that outlived a killed Snakemake would still write when the same command is given again.
"""

import os
import socket
import threading
import time
from pathlib import Path

#: names the process that a job works for, as pid@host
MAIN_PROCESS = "PARAMLERP_MAIN_PROCESS"


def variables() -> dict[str, str]:
    """The environment variables that make this process the main process of its children."""
    return {MAIN_PROCESS: f"{os.getpid()}@{socket.gethostname()}"}


def end_with_it() -> None:
    """End this process within a second of its main process, or of the process that started it.

    A thread watches both. Without a main process on this machine (a job on another node of a
    cluster) nothing is watched.
    """
    pid, _, host = os.environ.get(MAIN_PROCESS, "").partition("@")
    if host == socket.gethostname():
        threading.Thread(target=_wait_and_exit, args=(int(pid), os.getppid()), daemon=True).start()


def _wait_and_exit(pid: int, parent: int) -> None:
    while _alive(pid) and os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie, which its parent has not waited for yet."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended after os.kill, or this system has no /proc
        return not Path("/proc/self").exists()
    return state != "Z"
