"""The frame of every process that does work: log, threads, GPUs, errors and its end."""

import ctypes
import logging
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import devices, environment, main_process
from .errors import UserError, reason

logger = logging.getLogger("paramlerp")


@contextmanager
def job(snakemake, gpus: int = 1) -> Iterator[logging.Logger]:
    """Run a rule's script in this block; the process ends with it.

    The log goes to the rule's log file and to the terminal. A UserError is logged as one line,
    any other exception with its traceback; both exit with status 1. PyTorch gets the rule's
    threads (sums depend on how they are split among threads) and, in a rule that declares
    `gpu`, up to `gpus` of the GPUs here (see `devices.claim`). The process also ends with the
    main process.
    """
    _prepare()
    Path(snakemake.log[0]).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(snakemake.log[0], mode="w")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.INFO)
    # The main process prints the end of a failed job's log: an error is shown once.
    to_terminal.addFilter(lambda record: record.levelno < logging.ERROR)
    name = title(snakemake.rule, snakemake.wildcards)
    to_terminal.setFormatter(logging.Formatter(f"[{name}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    logger.setLevel(logging.DEBUG)
    for noisy in ("httpx", "httpcore", "datasets", "fsspec"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    environment.quiet_transformers()
    try:
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(snakemake.threads)
            # A fork (`warm`) always has PyTorch; a job that runs a model has this module, too.
            declared = snakemake.resources.get("gpu")
            if declared is not None and "paramlerp.lm.models" in sys.modules:
                devices.claim(declared, gpus, snakemake.config["jobs_per_gpu"])
                logger.debug("device: %s", devices.describe())
        yield logger
        logging.shutdown()
        _exit_now(0)
    except UserError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error")
        sys.exit(1)


@contextmanager
def process() -> Iterator[None]:
    """Run a child process of a job in this block; it ends with the block or with the job.

    The job reads its standard output: log messages without a prefix, an error as a line that
    starts with "error: ".
    """
    _prepare()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    try:
        yield
    except UserError as error:
        print(f"error: {error}")
        _exit_now(1)
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        print(f"error: {type(error).__name__}: {reason(error)}")
        _exit_now(1)
    _exit_now(0)


def reuse_freed_memory() -> None:
    """Have glibc keep freed memory for the next allocation instead of returning it to the system.

    Activations are allocated and freed a hundred times a second. Mapping their pages anew each
    time takes a twentieth of the time of training and scoring.
    """
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, top_pad, mmap_max = -1, -2, -4  # as in malloc.h
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 1 << 30)
        mallopt(top_pad, 1 << 26)


def title(rule: str, wildcards) -> str:
    """The name of a job in messages: its rule and its wildcards."""
    return " ".join([rule, *(str(value) for value in wildcards if str(value) not in ("", rule))])


def _prepare() -> None:
    main_process.end_with_it()
    environment.prepare()
    reuse_freed_memory()


def _exit_now(status: int) -> None:
    """End without Python's teardown, which takes a second once PyTorch is imported."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
