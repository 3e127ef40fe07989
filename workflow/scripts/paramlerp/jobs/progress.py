"""Progress of a long job in its log: the share done and the time left."""

import logging
import time

logger = logging.getLogger("paramlerp")


class Progress:
    """Logs how many of `total` units are done and the time left, at most once in `every` seconds.

    `start` units were done before this process; the estimate of the time left excludes them.
    """

    def __init__(self, total: int, unit: str, *, start: int = 0, every: float = 15.0):
        self.total, self.unit, self.first, self.every = total, unit, start, every
        self.start = self.last_report = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        reported = self.last_report != self.start
        if now - self.last_report < self.every and (done < self.total or not reported):
            return
        self.last_report = now
        elapsed = now - self.start
        if done < self.total:
            left = elapsed / max(done - self.first, 1) * (self.total - done)
            state = f"{done}/{self.total} {self.unit}, {clock(left)} left"
        else:
            state = f"{self.total} {self.unit} in {clock(elapsed)}"
        logger.info("%s", f"{state}, {note}" if note else state)


def clock(seconds: float) -> str:
    """Seconds as 1:05 or 2:01:05."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
