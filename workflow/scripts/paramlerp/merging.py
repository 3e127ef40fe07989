"""The one kernel: theta = sum_i c_i theta_i, tensor by tensor, on disk.

Sources are mapped and worked through in chunks that fit a core's cache, so
private memory is a few megabytes for a model of any size, and the merge runs at
about the speed of a copy.
"""

import shutil
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

from . import checkpoints, files
from .errors import UserError

#: elements worked on at a time
CHUNK = 1 << 18


def combine(coefficients: list[Decimal], arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Chunks of sum_i c_i x_i over flat float arrays of one dtype, in that dtype.

    Sums in float32 (float64 for float64). A coefficient of 0 leaves its array
    unread, and a lone coefficient of 1 yields the array's own bits: end points
    are exact. Elsewhere an element is off by at most 4 eps sum_i |c_i x_i|.
    """
    terms = [(c, x) for c, x in zip(coefficients, arrays, strict=True) if c]
    size, dtype = arrays[0].size, arrays[0].dtype
    if [c for c, _ in terms] == [1]:
        (_, x) = terms[0]
        yield from (x[i : i + CHUNK] for i in range(0, size, CHUNK))
        return
    wide = np.float64 if dtype == np.float64 else np.float32
    total, term = np.empty((2, min(CHUNK, size)), wide)
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        out, scratch = total[: stop - start], term[: stop - start]
        out.fill(0)
        for c, x in terms:
            np.multiply(x[start:stop].astype(wide, copy=False), wide(c), out=scratch)
            np.add(out, scratch, out=out)
        yield out.astype(dtype, copy=False)


def merge(coefficients: dict[str, Decimal], directories: dict[str, Path], target: Path) -> None:
    """Write the HF directory of sum_i c_i theta_i; layout, config and tokenizer of the first.

    `target` must not exist. Tensors that hold no floats must be equal in all
    sources and are copied. Raises UserError where models do not mix, or where
    the result holds NaN or Inf, naming the tensor.
    """
    models = {name: checkpoints.Checkpoint(directories[name]) for name in coefficients}
    checkpoints.require_mixable(models)
    first = next(iter(models.values()))
    target.mkdir(parents=True)
    for name in checkpoints.companion_files(first.directory):
        shutil.copyfile(first.directory / name, target / name)
    if (first.directory / checkpoints.INDEX).exists():
        shutil.copyfile(first.directory / checkpoints.INDEX, target / checkpoints.INDEX)
    for file, header in first.headers.items():
        own = [(name, t) for name, t in first.tensors.items() if t.file == file]
        own.sort(key=lambda item: item[1].data.ctypes.data)  # in the order of the file
        with open(target / file, "wb") as out:
            out.write(header)
            for name, _ in own:
                for chunk in _merged_tensor(name, coefficients, models):
                    out.write(chunk.data if chunk.dtype.kind != "V" else chunk.tobytes())


def _merged_tensor(name: str, coefficients, models) -> Iterable[np.ndarray]:
    tensors = [model.tensors[name] for model in models.values()]
    if tensors[0].dtype not in checkpoints.FLOATS:
        for model, tensor in zip(models.values(), tensors, strict=True):
            if not np.array_equal(tensor.data, tensors[0].data):
                raise UserError(
                    f"tensor {name} of dtype {tensor.dtype} cannot be interpolated and differs"
                    f" between {next(iter(models.values())).directory} and {model.directory}"
                )
        yield tensors[0].data
        return
    for chunk in combine(list(coefficients.values()), [t.data for t in tensors]):
        if not np.isfinite(chunk).all():
            raise UserError(
                f"tensor {name}: the merge of "
                + " and ".join(f"{c} x {models[m].directory}" for m, c in coefficients.items())
                + " holds NaN or Inf"
            )
        yield chunk


def write_merged(
    scheme: str,
    point: str,
    coefficients: dict[str, Decimal],
    directories: dict[str, Path],
    target: Path,
) -> None:
    """`merge`, with a merge.json that says what was mixed, written beside and renamed."""
    with files.writing(target) as beside:
        merge(coefficients, directories, beside)
        files.write_json(
            beside / "merge.json",
            {
                "scheme": scheme,
                "point": point,
                "coefficients": {name: f"{c:f}" for name, c in coefficients.items()},
                "sources": {name: checkpoints.hashes(directories[name]) for name in coefficients},
            },
        )
