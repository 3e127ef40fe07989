"""Work done ahead of its use."""

import queue
import threading
from collections.abc import Iterable, Iterator

_END = object()


def ahead(items: Iterable, depth: int = 4) -> Iterator:
    """The items, up to `depth` of them made ahead by a thread; raises what making them raises."""
    ready: queue.Queue = queue.Queue(depth)

    def work() -> None:
        try:
            for item in items:
                ready.put((item, None))
            ready.put((_END, None))
        except BaseException as error:
            ready.put((_END, error))

    threading.Thread(target=work, daemon=True).start()
    while True:
        item, error = ready.get()
        if error is not None:
            raise error
        if item is _END:
            return
        yield item
