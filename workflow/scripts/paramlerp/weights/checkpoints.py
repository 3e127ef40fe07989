"""Hugging Face model directories, read without torch.

A safetensors file is eight bytes of header length, a JSON header (name ->
dtype, shape, offsets) and the raw tensors. Mapping the file and viewing slices
of it costs no private memory, whatever the size of the model.
"""

import fnmatch
import json
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
#: content hashes of a directory's weight files, in the format of sha256sum(1)
HASHES = "weights.sha256"
#: what a directory's model is: see `note`
FAMILY = "family.json"
#: what else an HF directory needs to be loaded by any tool
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

#: files of which one or some decide how text becomes ids
TOKENIZERS = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "spiece.model")
#: safetensors' names of dtypes
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
#: in a tensor's name, its layer and what it is there
LAYER = re.compile(r"\.(\d+)\.(.+)$")


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: file name, dtype as safetensors writes it, shape, flat data."""

    file: str
    dtype: str
    shape: tuple[int, ...]
    data: np.ndarray  # (number of elements,), a view of the mapped file


class Checkpoint:
    """The tensors of an HF directory, mapped; sharded or not.

    `tensors` is name -> Tensor; `headers` is weight file -> its bytes up to the data.
    Raises UserError if there are no safetensors, or one is cut short or unknown in dtype.
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
                data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
            start = 8 + int.from_bytes(data[:8], "little")
            header = json.loads(data[8:start])
        except (ValueError, OSError) as error:
            raise UserError(f"{path}: not a safetensors file ({error})") from None
        self.headers[file] = data[:start]
        self._maps.append(data)
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] not in DTYPES:
                raise UserError(f"{path}: {name}: dtype {entry['dtype']} is not supported")
            dtype = np.dtype(DTYPES[entry["dtype"]])
            begin, end = entry["data_offsets"]
            if start + end > len(data):
                raise UserError(f"{path}: {name}: the file ends in mid-tensor; it is cut short")
            count = (end - begin) // dtype.itemsize
            view = np.frombuffer(data, dtype, count, start + begin)
            self.tensors[name] = Tensor(file, entry["dtype"], tuple(entry["shape"]), view)

    def release(self) -> None:
        """Let go of the mapped pages; what is read again comes from the system's cache."""
        for data in self._maps:
            data.madvise(mmap.MADV_DONTNEED)


def weight_files(directory) -> list[str]:
    """Names of a directory's safetensors files. Raises UserError if there are none."""
    directory = Path(directory)
    if (directory / INDEX).exists():
        return sorted(set(_json(directory / INDEX)["weight_map"].values()))
    if (directory / WEIGHTS).exists():
        return [WEIGHTS]
    raise UserError(f"{directory}: holds neither {WEIGHTS} nor {INDEX}")


def companion_files(directory) -> list[str]:
    """Names of the files beside the weights: config, tokenizer, generation config."""
    names = sorted(path.name for path in Path(directory).iterdir() if path.is_file())
    return [n for n in names if any(fnmatch.fnmatch(n, pattern) for pattern in COMPANIONS)]


@dataclass(frozen=True)
class Family:
    """Models that transformers loads by one class, and what their checkpoints are judged by.

    A body is what stands below a head: alone it is a family of its own.
    """

    name: str
    auto_class: str
    endings: tuple[str, ...]  # of the names of its architectures
    evaluated_by: str | None


#: the first whose ending fits an architecture's name is its family
FAMILIES = (
    Family("causal_lm", "AutoModelForCausalLM", ("ForCausalLM", "LMHeadModel"), "loss"),
    Family(
        "classifier",
        "AutoModelForSequenceClassification",
        ("ForSequenceClassification",),
        "accuracy",
    ),
    Family("body", "AutoModel", ("Model",), None),
)


def family(directory) -> Family | None:
    """The family of a directory's model by its config, or None if it is of no known one."""
    names = _json(Path(directory) / "config.json").get("architectures") or []
    return next((f for f in FAMILIES if any(n.endswith(f.endings) for n in names)), None)


def body(checkpoint: Checkpoint) -> str:
    """What the names of the body's tensors begin with ("bert."); "" where all are the body's.

    The head is what lies beside the part that holds most weights.
    """
    own = family(checkpoint.directory)
    if own is None or own.name == "body":
        return ""
    sizes: dict[str, int] = {}
    for name, tensor in checkpoint.tensors.items():
        part = name.partition(".")[0] + "."
        sizes[part] = sizes.get(part, 0) + tensor.data.size
    return max(sizes, key=sizes.__getitem__)


def labels(directory) -> list[str]:
    """The labels of a classifier, in the order of its head."""
    config = _json(Path(directory) / "config.json")
    held = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # transformers' own default
    return [held[key] for key in sorted(held, key=int)]


def require_labels(directory, wanted: list[str], name) -> None:
    """Raise UserError, calling the model `name`, unless a classifier's labels are these, in order.

    A scorer read the wrong way round would turn every curve upside down.
    """
    own = labels(directory)
    if own != wanted:
        raise UserError(f"{name}: config.json: id2label is {own}, the config says {wanted}")


def note(directory) -> None:
    """Write what later steps need to know of a model: content hashes of its weights, so that
    none reads them for that, and its family, with the tensors that are its body."""
    directory = Path(directory)
    lines = [f"{files.sha256(directory / name)}  {name}\n" for name in weight_files(directory)]
    (directory / HASHES).write_text("".join(lines))
    if own := family(directory):
        record = {
            "family": own.name,
            "auto_class": own.auto_class,
            "body": body(Checkpoint(directory)),
            "evaluated_by": own.evaluated_by,
        }
        (directory / FAMILY).write_text(json.dumps(record, indent=2) + "\n")


def hashes(directory) -> dict[str, str]:
    """Weight file -> sha256, as `note` wrote them, else computed."""
    path = Path(directory) / HASHES
    if path.exists():
        pairs = (line.split("  ", 1) for line in path.read_text().splitlines())
        return {name: digest for digest, name in pairs}
    return {name: files.sha256(Path(directory) / name) for name in weight_files(directory)}


#: config keys that do not change the function that the weights compute
_INERT = (
    "_*",
    "transformers_version",
    "architectures",
    "dtype",
    "torch_dtype",
    "use_cache",
    "*dropout*",
    "*pdrop*",
    "initializer_range",
    "task_specific_params",
    "summary_*",
    "id2label",
    "label2id",
    "*_token_id",
    "pretraining_tp",
    "n_ctx",
)


def require_mixable(checkpoints: list[Checkpoint]) -> None:
    """Check that weights may be added up: same tensors, dtypes, config and tokenizer.

    Raises UserError that names the first difference and both directories.
    """
    first, *others = checkpoints
    for other in others:
        where = f"{first.directory} and {other.directory}"
        for name in sorted(first.tensors.keys() ^ other.tensors.keys()):
            holder = first if name in first.tensors else other
            raise UserError(f"{where} do not mix: tensor {name} is in {holder.directory} only")
        for name, a in first.tensors.items():
            b = other.tensors[name]
            if a.shape != b.shape:
                raise UserError(
                    f"{where} do not mix: tensor {name} has shape {list(a.shape)}"
                    f" and {list(b.shape)}"
                )
            if a.dtype != b.dtype:
                raise UserError(
                    f"{where} do not mix: tensor {name} has dtype {a.dtype} and {b.dtype}"
                )
        a, b = (family(c.directory) for c in (first, other))
        if a and b and a.name == b.name == "classifier":
            a, b = (labels(c.directory) for c in (first, other))
            if a != b:
                raise UserError(f"{where} do not mix: the labels of their heads are {a} and {b}")
        a, b = (_json(c.directory / "config.json") for c in (first, other))
        for key in sorted(a.keys() | b.keys()):
            inert = any(fnmatch.fnmatch(key, pattern) for pattern in _INERT)
            if not inert and a.get(key) != b.get(key):
                raise UserError(
                    f"{where} do not mix: config.json: {key} is {a.get(key)!r} and {b.get(key)!r}"
                )
        if not _same_tokenizers(first.directory, other.directory):
            raise UserError(f"{where} do not mix: their tokenizers differ")


def _same_tokenizers(a: Path, b: Path) -> bool:
    files_of = [[d / name for name in TOKENIZERS if (d / name).exists()] for d in (a, b)]
    contents = [{path.name: path.read_bytes() for path in paths} for paths in files_of]
    # Parsing one takes as long as merging a tenth of the weights.
    return contents[0] == contents[1] or _tokenizer(a) == _tokenizer(b)


def _tokenizer(directory: Path):
    """What decides how text becomes ids; padding and truncation settings do not."""
    if (directory / "tokenizer.json").exists():
        content = _json(directory / "tokenizer.json")
        return {k: v for k, v in content.items() if k not in ("padding", "truncation", "version")}
    return [(directory / n).read_bytes() for n in TOKENIZERS if (directory / n).exists()]


def _json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from None
