"""The one kernel: theta = sum_i c_i theta_i, tensor by tensor, to disk or into memory.

Sources are mapped and worked through in chunks that fit a core's cache, so
private memory is a few megabytes for a model of any size, and the merge runs at
about the speed of a copy.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import numpy as np

from ..jobs import files
from ..jobs.errors import NotFiniteError, UserError
from ..jobs.prefetch import ahead
from . import checkpoints

#: elements worked on at a time: a core's second cache holds a few such pieces
CHUNK = 1 << 17
#: chunks worked out while others are written
AHEAD = 8
#: bytes after which what was written is sent to the disk, while more is worked out
TO_DISK = 1 << 26


def combine(coefficients: list[Decimal], arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Chunks of sum_i c_i x_i over flat float arrays of one dtype, in that dtype.

    Sums in float32 (float64 for float64). A coefficient of 0 leaves its array
    unread, and a lone coefficient of 1 yields the array's own bits: end points
    are exact. Elsewhere an element is off by at most 4 eps sum_i |c_i x_i|.
    """
    (first, x0), *rest = [(c, x) for c, x in zip(coefficients, arrays, strict=True) if c]
    size, dtype = x0.size, x0.dtype
    if first == 1 and not rest:
        yield from (x0[i : i + CHUNK] for i in range(0, size, CHUNK))
        return
    wide = np.float64 if dtype == np.float64 else np.float32
    total, term = np.empty((2, min(CHUNK, size)), wide)
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        out, scratch = total[: stop - start], term[: stop - start]
        np.multiply(x0[start:stop].astype(wide, copy=False), wide(first), out=out)
        for c, x in rest:
            np.multiply(x[start:stop].astype(wide, copy=False), wide(c), out=scratch)
            np.add(out, scratch, out=out)
        yield out.astype(dtype, copy=False)


class Sources:
    """HF directories by name, mapped, whose weights may be added up.

    Coefficients are by the same names. Raises UserError where they do not mix.
    """

    def __init__(self, directories: dict[str, Path]):
        self.models = {name: checkpoints.Checkpoint(d) for name, d in directories.items()}
        checkpoints.require_mixable(list(self.models.values()))
        self.first = next(iter(self.models.values()))

    def chunks(self, coefficients: dict[str, Decimal], name: str) -> Iterable[np.ndarray]:
        """The merged tensor of that name, flat, piece by piece.

        Tensors that hold no floats must be equal in all sources. Raises UserError
        where they are not, and NotFiniteError where the result holds NaN or Inf.
        """
        tensors = {source: model.tensors[name] for source, model in self.models.items()}
        first = self.first.tensors[name]
        if first.dtype not in checkpoints.FLOATS:
            for source, tensor in tensors.items():
                if not np.array_equal(tensor.data, first.data):
                    raise UserError(
                        f"tensor {name} of dtype {tensor.dtype} cannot be interpolated and differs"
                        f" between {self.first.directory} and {self.models[source].directory}"
                    )
            yield first.data
            return
        for chunk in combine(
            [coefficients[s] for s in tensors], [t.data for t in tensors.values()]
        ):
            if not np.isfinite(chunk).all():
                terms = [f"{coefficients[s]} x {m.directory}" for s, m in self.models.items()]
                raise NotFiniteError(
                    f"tensor {name}: the merge of {' and '.join(terms)} holds NaN or Inf"
                )
            yield chunk

    def write(self, coefficients: dict[str, Decimal], target: Path) -> None:
        """Write weights, config and tokenizer into a directory, laid out as the first's."""
        for name in checkpoints.companion_files(self.first.directory):
            shutil.copyfile(self.first.directory / name, target / name)
        if (self.first.directory / checkpoints.INDEX).exists():
            shutil.copyfile(self.first.directory / checkpoints.INDEX, target / checkpoints.INDEX)
        for file, header in self.first.headers.items():
            own = [(name, t) for name, t in self.first.tensors.items() if t.file == file]
            own.sort(key=lambda item: item[1].data.ctypes.data)  # in the order of the file
            pieces = (
                # Copied, since the next is worked out in the same memory.
                chunk.tobytes()
                for name, _ in own
                for chunk in self.chunks(coefficients, name)
            )
            with open(target / file, "wb") as out, ThreadPoolExecutor(1) as disk:
                out.write(header)
                sent = out.tell()
                for piece in ahead(pieces, AHEAD):
                    out.write(piece)
                    if out.tell() - sent > TO_DISK:
                        sent = out.tell()
                        disk.submit(os.fdatasync, out.fileno())

    def fill(self, coefficients: dict[str, Decimal], name: str, out: np.ndarray) -> None:
        """Put the merged tensor of that name into a flat array: the bits that `write` writes.

        The sources' pages are let go of afterwards, so that what a process holds is
        what it made.
        """
        place = 0
        for chunk in self.chunks(coefficients, name):
            out[place : place + len(chunk)] = chunk
            place += len(chunk)
        for model in self.models.values():
            model.release()


def write_merged(
    scheme: str,
    point: str,
    coefficients: dict[str, Decimal],
    directories: dict[str, Path],
    target: Path,
) -> None:
    """Write the HF directory of sum_i c_i theta_i, and a merge.json that says what was mixed.

    Beside and renamed. Raises what `Sources` raises.
    """
    with files.writing(target) as beside:
        beside.mkdir()
        Sources({name: directories[name] for name in coefficients}).write(coefficients, beside)
        files.write_json(
            beside / "merge.json",
            {
                "scheme": scheme,
                "point": point,
                "coefficients": {name: f"{c:f}" for name, c in coefficients.items()},
                "sources": {name: checkpoints.hashes(directories[name]) for name in coefficients},
            },
        )
