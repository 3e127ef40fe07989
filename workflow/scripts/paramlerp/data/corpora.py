"""Text to blocks of tokens for pretraining: one sequence of batches for any number of processes.

A corpus is dealt to `SHARDS` virtual shards. Each shuffles and packs its own: documents
end in EOS, one after the other, cut into blocks of full length. Block k of a training
comes from shard k mod SHARDS, so what a batch holds does not depend on who reads it.
Shuffling is by windows of documents, each in an order that derives from seed, shard,
epoch and place, so a few numbers say where a shard is, and nothing is lost in a buffer
when a training goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from ..jobs.errors import UserError
from ..jobs.seeds import generator
from . import readers

SHARDS = 16
#: documents of a shard that are shuffled together
WINDOW = 1024

Encode = Callable[[list[str]], list[list[int]]]


class Documents:
    """Texts of one split of anything that `datasets` streams, dealt to the shards.

    A shard has whole files, if there are enough for all, else every SHARDS-th row of
    each file. `where` and the rest are as `readers.open_table` has them.
    """

    def __init__(self, where, column: str, split: str = "train", **how):
        parts = readers.open_table(where, **how)
        if split not in parts:
            raise UserError(
                f"{where}: no split {split!r}, only {', '.join(parts)}; text without splits is"
                " read as a corpus of kind texts"
            )
        self.where, self.column, self.rows = where, column, parts[split]
        self.files = self.rows.num_shards

    def read(self, shard: int, place=(0, 0)) -> Iterator[tuple[tuple[int, int], str]]:
        """A shard's texts from a place on, each with the place behind it: (file, row)."""
        whole = self.files >= SHARDS
        own = range(shard, self.files, SHARDS) if whole else range(self.files)
        first, start = place
        for file in range(first, len(own)):
            rows = self.rows.shard(num_shards=self.files, index=own[file])
            with readers.about_table(self.where):
                for row, found in enumerate(rows.skip(start) if start else rows, start):
                    if whole or row % SHARDS == shard:
                        yield (file, row + 1), readers.text_of(found, self.column, self.where, row)
            start = 0


class Shard:
    """The blocks of one shard, epoch after epoch."""

    def __init__(self, documents, index: int, encode: Encode, length: int, eos: int, seed, state):
        self.documents, self.index, self.encode = documents, index, encode
        self.length, self.eos, self.seed = length, eos, seed
        state = state or {"epoch": 0, "window": (0, 0), "taken": 0, "left": []}
        self.epoch, self.taken, self.left = state["epoch"], state["taken"], list(state["left"])
        self._seek(tuple(state["window"]))

    def state(self) -> dict:
        """All that goes on from here: where the window starts, texts taken of it, ids left over."""
        names = ("epoch", "window", "taken")
        return {name: getattr(self, name) for name in names} | {"left": list(self.left)}

    def block(self) -> list[int]:
        """The next `length` ids."""
        while len(self.left) < self.length:
            if self.taken == len(self.texts):
                self.window, self.taken = self.end, 0
                self._read()
            self.left += [*self.texts[self.taken], self.eos]
            self.taken += 1
        block, self.left = self.left[: self.length], self.left[self.length :]
        return block

    def _seek(self, place: tuple[int, int]) -> None:
        self.window, self.rows = place, self.documents.read(self.index, place)
        self._read()

    def _read(self) -> None:
        """Read the window's texts in their shuffled order; the first of an epoch after the last."""
        found, self.end = [], self.window
        for place, text in islice(self.rows, WINDOW):
            found.append(text)
            self.end = place
        if found:
            random = generator(self.seed, "window", self.index, self.epoch, *self.window)
            self.texts = self.encode([found[i] for i in random.permutation(len(found))])
        elif self.window == (0, 0):
            raise UserError(
                f"{self.documents.where}: too few texts: one of {SHARDS} shards has none"
            )
        else:
            self.epoch += 1
            self._seek((0, 0))


class Blocks:
    """The blocks of process `rank` of `processes`: numbers rank, rank + processes, ... of all.

    Raises UserError if `processes` does not divide SHARDS.
    """

    def __init__(
        self,
        documents: Documents,
        encode: Encode,
        length: int,
        eos: int,
        seed,
        *,
        rank: int = 0,
        processes: int = 1,
        state: dict | None = None,
    ):
        if SHARDS % processes:
            raise UserError(f"{processes} processes do not divide the {SHARDS} shards of the text")
        self.taken = state["taken"] if state else 0
        self.shards = {
            i: Shard(documents, i, encode, length, eos, seed, state and state["shards"][str(i)])
            for i in range(rank, SHARDS, processes)
        }
        self.order = list(self.shards)

    def take(self, count: int) -> np.ndarray:
        """The next blocks: (count, length) ids."""
        out = []
        for _ in range(count):
            out.append(self.shards[self.order[self.taken % len(self.order)]].block())
            self.taken += 1
        return np.array(out)

    def state(self) -> dict:
        """What `state=` goes on from; ready for JSON."""
        shards = {str(i): shard.state() for i, shard in self.shards.items()}
        return {"taken": self.taken, "shards": shards}


def accumulation(effective_batch: int, device_batch: int, processes: int) -> int:
    """Batches of each process that make one step. Raises UserError if they do not come out even."""
    together = device_batch * processes
    if effective_batch % together:
        raise UserError(
            f"effective_batch: {effective_batch} is no whole number of {processes} processes x"
            f" device_batch {device_batch}"
        )
    return effective_batch // together


def packed(texts: Sequence[str], encode: Encode, length: int, eos: int) -> np.ndarray:
    """Texts in their order as blocks (blocks, length); what fills no block is left out."""
    ids = [i for text in encode(list(texts)) for i in (*text, eos)]
    count = len(ids) // length
    if not count:
        raise UserError(f"{len(ids)} tokens of held-out text are less than a block of {length}")
    return np.array(ids[: count * length]).reshape(count, length)
