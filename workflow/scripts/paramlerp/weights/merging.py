"""The merge theta = sum_i c_i theta_i, tensor by tensor, to disk or into memory.

The checkpoints are mapped and merged in chunks that fit a core's cache. So a merge takes a
few megabytes of private memory for a model of any size, and about the time of a copy.
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
from ..jobs.prefetch import prefetch
from . import checkpoints, records
from .compatibility import require_mixable

#: elements in a chunk: a core's second-level cache holds a few of these
CHUNK = 1 << 17
#: chunks merged ahead of the one that is being written
AHEAD = 8
#: bytes between two calls of fdatasync, so that the disk writes while chunks are merged
SYNC_BYTES = 1 << 26


def combine(coefficients: list[Decimal], arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Chunks of sum_i c_i x_i over flat float arrays of one dtype, in that dtype.

    Sums in float32 (float64 for float64). A coefficient of 0 leaves its array
    unread, and a lone coefficient of 1 yields the array's own bits: end points
    are exact. Elsewhere an element is off by at most 4 eps sum_i |c_i x_i|.
    A chunk is valid until the next one is asked for.
    """
    (c0, x0), *rest = [(c, x) for c, x in zip(coefficients, arrays, strict=True) if c]
    size, dtype = x0.size, x0.dtype
    if c0 == 1 and not rest:
        yield from (x0[i : i + CHUNK] for i in range(0, size, CHUNK))
        return
    sum_dtype = np.float64 if dtype == np.float64 else np.float32
    sum_buffer, term_buffer = np.empty((2, min(CHUNK, size)), sum_dtype)
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        total, term = sum_buffer[: stop - start], term_buffer[: stop - start]
        np.multiply(x0[start:stop].astype(sum_dtype, copy=False), sum_dtype(c0), out=total)
        for c, x in rest:
            np.multiply(x[start:stop].astype(sum_dtype, copy=False), sum_dtype(c), out=term)
            np.add(total, term, out=total)
        yield total.astype(dtype, copy=False)


class Merger:
    """Mapped checkpoints whose weights may be added up.

    `directories` is checkpoint name -> HF directory; the methods take coefficients by the
    same names. Raises UserError if the checkpoints do not mix, or if weights differ from the hashes
    recorded beside them.
    """

    def __init__(self, directories: dict[str, Path]):
        self.checkpoints = {name: checkpoints.Checkpoint(d) for name, d in directories.items()}
        require_mixable(list(self.checkpoints.values()))
        with ThreadPoolExecutor() as pool:  # each takes about half as long as a merge
            list(pool.map(records.require_recorded, directories.values()))
        self.first = next(iter(self.checkpoints.values()))

    def chunks(self, coefficients: dict[str, Decimal], name: str) -> Iterable[np.ndarray]:
        """The merged tensor `name`, flat, chunk by chunk.

        A tensor that holds no floats must be equal in all checkpoints. Raises UserError
        if it is not, and NotFiniteError if the result holds NaN or Inf.
        """
        tensors = {key: checkpoint.tensors[name] for key, checkpoint in self.checkpoints.items()}
        first = self.first.tensors[name]
        if first.dtype not in checkpoints.FLOATS:
            for key, tensor in tensors.items():
                if not np.array_equal(tensor.data, first.data):
                    raise UserError(
                        f"tensor {name} of dtype {tensor.dtype} cannot be interpolated and differs"
                        f" between {self.first.directory} and {self.checkpoints[key].directory}"
                    )
            yield first.data
            return
        for chunk in combine(
            [coefficients[key] for key in tensors], [t.data for t in tensors.values()]
        ):
            if not np.isfinite(chunk).all():
                terms = [f"{coefficients[k]} x {c.directory}" for k, c in self.checkpoints.items()]
                raise NotFiniteError(
                    f"tensor {name}: the merge of {' and '.join(terms)} holds NaN or Inf"
                )
            yield chunk

    def write(
        self, coefficients: dict[str, Decimal], directory: Path, dtype: str | None = None
    ) -> None:
        """Write the merged weights, with config and tokenizer, in the first checkpoint's layout.

        Floats are written as `dtype`, such as "BF16", or as they are in the checkpoints. Raises
        NotFiniteError if a weight is too large for it.
        """
        for name in checkpoints.companion_files(self.first.directory):
            shutil.copyfile(self.first.directory / name, directory / name)
        if (self.first.directory / checkpoints.INDEX).exists():
            shutil.copyfile(self.first.directory / checkpoints.INDEX, directory / checkpoints.INDEX)
        for file, header in self.first.headers.items():
            tensors = [(name, t) for name, t in self.first.tensors.items() if t.file == file]
            # The header need not list the tensors in the order of their data.
            tensors.sort(key=lambda item: item[1].data.ctypes.data)
            if dtype is not None:
                header = checkpoints.header(tensors, dtype, {"format": "pt"})
            merged = (
                # A copy, since the next chunk is merged in the same buffer.
                _cast(chunk, dtype if tensor.dtype in checkpoints.FLOATS else None, name).tobytes()
                for name, tensor in tensors
                for chunk in self.chunks(coefficients, name)
            )
            with open(directory / file, "wb") as out, ThreadPoolExecutor(1) as syncing:
                out.write(header)
                synced, syncs = out.tell(), []
                for content in prefetch(merged, AHEAD):
                    out.write(content)
                    if out.tell() - synced > SYNC_BYTES:
                        synced = out.tell()
                        syncs.append(syncing.submit(os.fdatasync, out.fileno()))
                for sync in syncs:
                    sync.result()  # the disk reports a failed write once, here

    def fill(self, coefficients: dict[str, Decimal], name: str, out: np.ndarray) -> None:
        """Put the merged tensor `name` into a flat array: the same bits that `write` writes.

        The checkpoints' pages are released after it, so they do not add to the memory that
        the model takes.
        """
        start = 0
        for chunk in self.chunks(coefficients, name):
            out[start : start + len(chunk)] = chunk
            start += len(chunk)
        for checkpoint in self.checkpoints.values():
            checkpoint.release()


def _cast(chunk: np.ndarray, dtype: str | None, name: str) -> np.ndarray:
    """The chunk of the tensor `name` in `dtype`; as it is if that is None."""
    if dtype is None:
        return chunk
    with np.errstate(over="ignore"):
        cast = chunk.astype(checkpoints.DTYPES[dtype])
    if not np.isfinite(cast).all():
        raise NotFiniteError(f"tensor {name}: a weight is too large for {dtype}")
    return cast


def write_merged(
    scheme: str,
    point: str,
    coefficients: dict[str, Decimal],
    directories: dict[str, Path],
    target: Path,
) -> None:
    """Write the HF directory of sum_i c_i theta_i, with the scheme, the point, the coefficients
    and the checkpoints' content hashes in its merge.json.

    `target` appears only when it is complete. Raises the errors of `Merger` and `Merger.chunks`.
    """
    with files.writing(target) as beside:
        beside.mkdir()
        Merger({name: directories[name] for name in coefficients}).write(coefficients, beside)
        files.write_json(
            beside / "merge.json",
            {
                "scheme": scheme,
                "point": point,
                "coefficients": {name: f"{c:f}" for name, c in coefficients.items()},
                "sources": {n: records.weight_hashes(directories[n]) for n in coefficients},
            },
        )
