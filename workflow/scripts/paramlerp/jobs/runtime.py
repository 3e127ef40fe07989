"""What every script does around its work: log, threads, errors, progress."""

import ctypes
import logging
import os
import platform
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import devices
from .errors import UserError, reason

logger = logging.getLogger("paramlerp")
#: names the process that jobs work for, as process@host
MAIN_PROCESS = "PARAMLERP_MAIN_PROCESS"


@contextmanager
def job(snakemake, gpus: int = 1) -> Iterator[logging.Logger]:
    """Run a rule's script: log to its log file and to the terminal, one line an error.

    Up to `gpus` GPUs, if there are any, are the job's own; its log says which. The process
    ends with the block. Threads are fixed to the rule's, since sums depend on how they are
    split. If the main process of this machine is killed the job ends too, or it would still
    be at work when the same command is given again.
    """
    threading.Thread(target=_end_with_main_process, daemon=True).start()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    keep_memory()
    Path(snakemake.log[0]).parent.mkdir(parents=True, exist_ok=True)
    what = title(snakemake.rule, snakemake.wildcards)
    to_file = logging.FileHandler(snakemake.log[0], mode="w")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.INFO)
    # What ends a job is shown once, from its log, by the main process.
    to_terminal.addFilter(lambda record: record.levelno < logging.ERROR)
    to_terminal.setFormatter(logging.Formatter(f"[{what}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    logger.setLevel(logging.DEBUG)
    for noisy in ("httpx", "httpcore", "datasets", "fsspec"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(snakemake.threads)
            if (asked := snakemake.resources.get("gpu")) is not None:  # else it runs no model
                devices.claim(asked, gpus)
                logger.debug("device: %s", devices.named())
        yield logger
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # all is written: taking PyTorch's modules apart would take a second
    except UserError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error")
        sys.exit(1)


def keep_memory() -> None:
    """Have glibc hand freed memory out again, not give it back to the system.

    A model's activations come and go a hundred times a second; getting their pages
    anew each time takes a twentieth of the time of training and scoring.
    """
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, top_pad, mmap_max = -1, -2, -4  # as in malloc.h
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 1 << 30)
        mallopt(top_pad, 1 << 26)


@contextmanager
def process() -> Iterator[None]:
    """Run what a job started in a process of its own, which ends with the block or with the job.

    What it logs goes to its output as it is, for the job to read; a mistake as "error: ".
    """
    threading.Thread(target=_end_with_main_process, daemon=True).start()
    keep_memory()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    try:
        yield
    except UserError as error:
        print(f"error: {error}", flush=True)
        os._exit(1)
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        print(f"error: {type(error).__name__}: {reason(error)}", flush=True)
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def as_main_process() -> dict[str, str]:
    """The environment that has processes end with this one."""
    return {MAIN_PROCESS: f"{os.getpid()}@{socket.gethostname()}"}


def title(rule: str, wildcards) -> str:
    """What a job is called in what is printed."""
    return " ".join([rule, *(str(value) for value in wildcards if str(value) not in ("", rule))])


def _end_with_main_process() -> None:
    process, _, host = os.environ.get(MAIN_PROCESS, "").partition("@")
    if host == socket.gethostname():
        while _alive(int(process)):
            time.sleep(1)
        os._exit(1)


def _alive(process: int) -> bool:
    """Whether a process is there and no zombie that nobody has waited for."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it went in between, or this system has no /proc
        return not Path("/proc/self").exists()
    return state != "Z"


class Progress:
    """Says how far a long job is and how long it still takes, every few seconds.

    `start` is how much of `total` was done before.
    """

    def __init__(self, total: int, unit: str, *, start: int = 0, every: float = 15.0):
        self.total, self.unit, self.first, self.every = total, unit, start, every
        self.start = self.said = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if now - self.said < self.every and (done < self.total or self.said == self.start):
            return
        self.said = now
        spent = now - self.start
        if done < self.total:
            left = spent / max(done - self.first, 1) * (self.total - done)
            state = f"{done}/{self.total} {self.unit}, {clock(left)} left"
        else:
            state = f"{self.total} {self.unit} in {clock(spent)}"
        logger.info("%s", f"{state}, {note}" if note else state)


def clock(seconds: float) -> str:
    """Seconds as 1:05 or 2:01:05."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
