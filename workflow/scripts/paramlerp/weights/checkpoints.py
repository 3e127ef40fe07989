"""The files of a Hugging Face (HF) model directory, read without torch.

A safetensors file holds the length of its header in eight bytes, a JSON header (tensor name
-> dtype, shape, offsets) and the raw tensors. The file is mapped and the tensors are views
of it, so they take no private memory, whatever the size of the model.
"""

import fnmatch
import json
import math
import mmap
import re
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

from ..jobs import files
from ..jobs.errors import UserError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
#: patterns of the other files that a tool needs to load the directory
COMPANIONS = (
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "spiece.model",
    "sentencepiece*.model",
    "chat_template*",
    "family.json",
)
#: the names that safetensors gives to dtypes
DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
FLOATS = ("F64", "F32", "F16", "BF16")
#: groups of a tensor's name: the number of its layer, the parameter's name in that layer
LAYER = re.compile(r"\.(\d+)\.(.+)$")


@dataclass(frozen=True)
class Tensor:
    """A tensor in a mapped safetensors file."""

    file: str  # the file's name, without its directory
    dtype: str  # a key of DTYPES
    shape: tuple[int, ...]
    data: np.ndarray  # (number of elements,), a view of the mapped file


class Checkpoint:
    """The mapped tensors of an HF directory, in one safetensors file or in several.

    `tensors` is tensor name -> Tensor; `headers` is file name -> all bytes before the data.
    Raises UserError if the directory has no safetensors, or if a file is missing, cut short, has
    a dtype that is not in DTYPES, or a tensor whose bytes do not fit its shape.
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        self.tensors: dict[str, Tensor] = {}
        self.headers: dict[str, bytes] = {}
        self._maps: list[mmap.mmap] = []
        for file in weight_files(self.directory):
            self._map(file)

    def _map(self, file: str) -> None:
        path = self.directory / file
        try:
            with open(path, "rb") as handle:
                content = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
            data_start = 8 + int.from_bytes(content[:8], "little")
            header = json.loads(content[8:data_start])
        except FileNotFoundError:
            raise UserError(f"{path}: no such file, but {INDEX} names it") from None
        except (ValueError, OSError) as error:
            raise UserError(f"{path}: not a safetensors file ({error})") from None
        self.headers[file] = content[:data_start]
        self._maps.append(content)
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] not in DTYPES:
                raise UserError(f"{path}: {name}: dtype {entry['dtype']} is not supported")
            dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            if data_start + end > len(content):
                raise UserError(f"{path}: {name}: the file ends in mid-tensor; it is cut short")
            count = math.prod(shape)
            if begin < 0 or end - begin != count * dtype.itemsize:
                raise UserError(
                    f"{path}: {name}: {end - begin} bytes are no {entry['dtype']} tensor of the"
                    f" shape {list(shape)}"
                )
            view = np.frombuffer(content, dtype, count, data_start + begin)
            self.tensors[name] = Tensor(file, entry["dtype"], shape, view)

    def release(self) -> None:
        """Drop the mapped pages from this process; a later read takes them from the page cache."""
        for content in self._maps:
            content.madvise(mmap.MADV_DONTNEED)


def weight_files(directory) -> list[str]:
    """Names of a directory's safetensors files. Raises UserError if there are none."""
    directory = Path(directory)
    if (directory / INDEX).exists():
        return sorted(set(files.read_json(directory / INDEX)["weight_map"].values()))
    if (directory / WEIGHTS).exists():
        return [WEIGHTS]
    raise UserError(f"{directory}: holds neither {WEIGHTS} nor {INDEX}")


def header(tensors: list[tuple[str, Tensor]], dtype: str, metadata: dict) -> bytes:
    """All bytes before the data of a file with these tensors in this order, floats as `dtype`."""
    entries, end = {"__metadata__": metadata} if metadata else {}, 0
    for name, tensor in tensors:
        kind = dtype if tensor.dtype in FLOATS else tensor.dtype
        begin, end = end, end + tensor.data.size * np.dtype(DTYPES[kind]).itemsize
        entries[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # readers want the data aligned
    return len(text).to_bytes(8, "little") + text


def companion_files(directory) -> list[str]:
    """Sorted names of the files beside the weights: config, tokenizer, generation config."""
    names = sorted(path.name for path in Path(directory).iterdir() if path.is_file())
    return [n for n in names if any(fnmatch.fnmatch(n, pattern) for pattern in COMPANIONS)]
