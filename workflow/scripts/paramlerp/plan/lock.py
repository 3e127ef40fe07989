"""One run at a time in a folder: a lock that the kernel releases when the process ends."""

import fcntl
import os
import socket
import sys

from ..jobs.errors import UserError


def lock_folder(path):
    """Lock the folder with the file `path` until this process ends or is killed.

    Snakemake's own lock is a file that a killed run leaves behind. Returns the open file,
    which holds the lock as long as it is not closed. Raises UserError if another run holds it.
    """
    lock = open(path, "a+")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise UserError(
            f"another run is at work in {os.getcwd()}: {lock.read().strip()};"
            " wait for it, stop it, or use another --directory"
        ) from None
    except OSError as error:
        print(f"note: this file system has no locks ({error}); start one run only", file=sys.stderr)
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    lock.flush()
    return lock
