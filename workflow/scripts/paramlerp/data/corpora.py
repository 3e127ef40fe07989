"""Texts to blocks of tokens for pretraining, in one order for any number of processes.

The documents of a corpus are dealt to `SHARDS` virtual shards. Each shard is shuffled and packed
by itself: documents end in EOS, are concatenated, and cut into blocks of full length. Block k of
a training is shard k mod SHARDS's next block, so a batch does not depend on which process reads
it. Shuffling permutes windows of documents; seed, shard, epoch and the window's position give the
permutation. So a few numbers are a shard's complete state, and resuming a training loses no shuffle
buffer.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from ..jobs.errors import UserError
from ..jobs.seeds import generator
from . import tables

SHARDS = 16
#: documents of a shard that are shuffled together
WINDOW = 1024

#: texts -> the token ids of each
Encode = Callable[[list[str]], list[list[int]]]
#: (file of the shard, row of the file) that is read next
Position = tuple[int, int]


class Documents:
    """The texts of one split of a table, dealt to the shards.

    If there are at least SHARDS files each shard reads whole files, else each reads every
    SHARDS-th row of each file. `where`, `subset` and `fetched` are the arguments of
    `tables.open_table`, `column` names the column of the text.
    Raises UserError if there is no such split.
    """

    def __init__(
        self,
        where,
        column: str,
        split: str = "train",
        *,
        subset: str | None = None,
        fetched: str | None = None,
    ):
        splits = tables.open_table(where, subset, fetched)
        if split not in splits:
            raise UserError(
                f"{where}: no split {split!r}, only {', '.join(splits)}; text without splits is"
                " read as a corpus of kind texts"
            )
        self.where, self.column, self.rows = where, column, splits[split]
        self.files = self.rows.num_shards

    def read(self, shard: int, position: Position = (0, 0)) -> Iterator[tuple[Position, str]]:
        """A shard's texts from a position on, each with the position that follows it."""
        whole_files = self.files >= SHARDS
        files = range(shard, self.files, SHARDS) if whole_files else range(self.files)
        first, start = position
        for file in range(first, len(files)):
            rows = self.rows.shard(num_shards=self.files, index=files[file])
            with tables.datasets_errors_in(self.where):
                for number, row in enumerate(rows.skip(start) if start else rows, start):
                    if whole_files or number % SHARDS == shard:
                        text = tables.text_cell(row, self.column, self.where, number)
                        yield (file, number + 1), text
            start = 0


class Shard:
    """The blocks of one shard, epoch after epoch; `state` of an earlier Shard resumes it."""

    def __init__(self, documents, index: int, encode: Encode, length: int, eos: int, seed, state):
        self.documents, self.index, self.encode = documents, index, encode
        self.length, self.eos, self.seed = length, eos, seed
        state = state or {"epoch": 0, "window": (0, 0), "taken": 0, "left": []}
        self.epoch, self.taken, self.leftover = state["epoch"], state["taken"], list(state["left"])
        self._seek(tuple(state["window"]))

    def state(self) -> dict:
        """Epoch, position of the window, its texts that are used up, and ids of no block yet."""
        return {
            "epoch": self.epoch,
            "window": self.window,
            "taken": self.taken,
            "left": list(self.leftover),
        }

    def block(self) -> list[int]:
        """The next `length` ids."""
        while len(self.leftover) < self.length:
            if self.taken == len(self.texts):
                self.window, self.taken = self.window_end, 0
                self._read_window()
            self.leftover += [*self.texts[self.taken], self.eos]
            self.taken += 1
        block, self.leftover = self.leftover[: self.length], self.leftover[self.length :]
        return block

    def _seek(self, position: Position) -> None:
        self.window, self.rows = position, self.documents.read(self.index, position)
        self._read_window()

    def _read_window(self) -> None:
        """Read the window's texts and shuffle them; at the end of the corpus start a new epoch."""
        texts, self.window_end = [], self.window
        for position, text in islice(self.rows, WINDOW):
            texts.append(text)
            self.window_end = position
        if texts:
            random = generator(self.seed, "window", self.index, self.epoch, *self.window)
            self.texts = self.encode([texts[i] for i in random.permutation(len(texts))])
        elif self.window == (0, 0):
            raise UserError(
                f"{self.documents.where}: too few texts: one of {SHARDS} shards has none"
            )
        else:
            self.epoch += 1
            self._seek((0, 0))


class Blocks:
    """The blocks of process `rank` of `processes`: number rank, rank + processes, ... of all.

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
        blocks = []
        for _ in range(count):
            blocks.append(self.shards[self.order[self.taken % len(self.order)]].block())
            self.taken += 1
        return np.array(blocks)

    def state(self) -> dict:
        """The argument `state` that resumes from here; JSON can hold it."""
        shards = {str(i): shard.state() for i, shard in self.shards.items()}
        return {"taken": self.taken, "shards": shards}


def accumulation_steps(effective_batch: int, device_batch: int, processes: int) -> int:
    """Gradient accumulation: batches of each process per optimizer step.

    Raises UserError if `effective_batch` is no multiple of device_batch x processes.
    """
    blocks = device_batch * processes
    if effective_batch % blocks:
        raise UserError(
            f"effective_batch: {effective_batch} is no whole number of {processes} processes x"
            f" device_batch {device_batch}"
        )
    return effective_batch // blocks


def pack(texts: Sequence[str], encode: Encode, length: int, eos: int) -> np.ndarray:
    """Blocks (blocks, length) of the texts in their order; ids that fill no block are dropped.

    Raises UserError if the texts do not fill one block.
    """
    ids = [i for text in encode(list(texts)) for i in (*text, eos)]
    count = len(ids) // length
    if not count:
        raise UserError(f"{len(ids)} tokens of held-out text are less than a block of {length}")
    return np.array(ids[: count * length]).reshape(count, length)
