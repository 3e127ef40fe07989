"""Items computed by a thread ahead of their use."""

import queue
import threading
from collections.abc import Iterable, Iterator

_END = object()


def prefetch(items: Iterable, depth: int = 4) -> Iterator:
    """Yield the items in order, while a thread computes up to `depth` of them ahead.

    An exception that computing an item raises is raised here, in its place.
    """
    ready: queue.Queue = queue.Queue(depth)

    def compute() -> None:
        try:
            for item in items:
                ready.put((item, None))
            ready.put((_END, None))
        except BaseException as error:
            ready.put((_END, error))

    threading.Thread(target=compute, daemon=True).start()
    while True:
        item, error = ready.get()
        if error is not None:
            raise error
        if item is _END:
            return
        yield item
