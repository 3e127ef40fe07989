"""What every script does around its work: log, threads, errors, progress."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError

logger = logging.getLogger("paramlerp")


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Run a rule's script: log to its log file and to the terminal, one line an error.

    Threads are fixed to the rule's, since sums depend on how they are split.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(snakemake.threads)

    Path(snakemake.log[0]).parent.mkdir(parents=True, exist_ok=True)
    what = " ".join([snakemake.rule, *map(str, snakemake.wildcards)])
    to_file = logging.FileHandler(snakemake.log[0], mode="w")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setFormatter(logging.Formatter(f"[{what}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    for noisy in ("httpx", "httpcore", "datasets", "fsspec"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        yield logger
    except UserError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error")
        sys.exit(1)


class Progress:
    """Says how far a long job is and how long it still takes, every few seconds."""

    def __init__(self, total: int, unit: str, *, every: float = 15.0):
        self.total, self.unit, self.every = total, unit, every
        self.start = self.said = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if now - self.said < self.every and done < self.total:
            return
        self.said = now
        spent = now - self.start
        if done < self.total:
            left = spent / max(done, 1) * (self.total - done)
            state = f"{done}/{self.total} {self.unit}, {_clock(left)} left"
        else:
            state = f"{self.total} {self.unit} in {_clock(spent)}"
        logger.info("%s", f"{state}, {note}" if note else state)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
