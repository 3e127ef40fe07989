"""Whether the weights of checkpoints may be added up."""

import fnmatch
from pathlib import Path

from ..jobs import files
from ..jobs.errors import UserError
from .checkpoints import Checkpoint
from .families import class_labels, family

#: patterns of config keys that do not change the function that the weights compute
INERT_KEYS = (
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
#: files that decide how text becomes token ids
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "spiece.model",
)


def require_mixable(checkpoints: list[Checkpoint]) -> None:
    """Check that all checkpoints have the same tensors, labels, config and tokenizer as the first.

    Raises UserError that names both directories and the first difference.
    """
    first, *others = checkpoints
    for other in others:
        if found := difference(first, other):
            raise UserError(f"{first.directory} and {other.directory} do not mix: {found}")


def difference(a: Checkpoint, b: Checkpoint) -> str | None:
    """The first difference that keeps two checkpoints from being added up; None if there is none.

    Weights are not read, but for the headers of their files.
    """
    comparisons = (
        _family_difference,
        _tensor_difference,
        _label_difference,
        _config_difference,
        _tokenizer_difference,
    )
    return next((found for compare in comparisons if (found := compare(a, b))), None)


def _family_difference(a: Checkpoint, b: Checkpoint) -> str | None:
    kinds = [files.read_json(c.directory / "config.json").get("model_type") for c in (a, b)]
    return f"one is a {kinds[0]} and one a {kinds[1]}" if kinds[0] != kinds[1] else None


def _tensor_difference(a: Checkpoint, b: Checkpoint) -> str | None:
    for name in sorted(a.tensors.keys() ^ b.tensors.keys()):
        holder = a if name in a.tensors else b
        return f"tensor {name} is in {holder.directory} only"
    for name, tensor in a.tensors.items():
        other = b.tensors[name]
        if tensor.shape != other.shape:
            return f"tensor {name} has shape {list(tensor.shape)} and {list(other.shape)}"
        if tensor.dtype != other.dtype:
            return f"tensor {name} has dtype {tensor.dtype} and {other.dtype}"
    return None


def _label_difference(a: Checkpoint, b: Checkpoint) -> str | None:
    """A sum of heads with other label orders would add the weights of one label to another's."""
    families = [family(checkpoint.directory) for checkpoint in (a, b)]
    if any(f is None or f.name != "classifier" for f in families):
        return None
    labels, others = class_labels(a.directory), class_labels(b.directory)
    return f"the labels of their heads are {labels} and {others}" if labels != others else None


def _config_difference(a: Checkpoint, b: Checkpoint) -> str | None:
    config, other = (files.read_json(checkpoint.directory / "config.json") for checkpoint in (a, b))
    for key in sorted(config.keys() | other.keys()):
        inert = any(fnmatch.fnmatch(key, pattern) for pattern in INERT_KEYS)
        values = [c.get(key) for c in (config, other)]
        # A key that an older version did not write is off.
        lacking = key not in config or key not in other
        unwritten = lacking and all(value is None or value is False for value in values)
        if not (inert or unwritten) and values[0] != values[1]:
            return f"config.json: {key} is {values[0]!r} and {values[1]!r}"
    return None


def _tokenizer_difference(a: Checkpoint, b: Checkpoint) -> str | None:
    # Bytes first: parsing a tokenizer takes as long as merging a tenth of the weights.
    same = _tokenizer_bytes(a.directory) == _tokenizer_bytes(b.directory) or (
        _encoding(a.directory) == _encoding(b.directory)
    )
    return None if same else "their tokenizers differ"


def _tokenizer_bytes(directory: Path) -> dict[str, bytes]:
    paths = [directory / name for name in TOKENIZERS]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def _encoding(directory: Path):
    """The parts of a tokenizer that turn text into ids: all but padding and truncation."""
    if (directory / "tokenizer.json").exists():
        content = files.read_json(directory / "tokenizer.json")
        # Older versions write a merge as "a b", and leave out what is off.
        model = {key: value for key, value in content.get("model", {}).items() if value}
        if merges := model.get("merges"):
            model["merges"] = [m if isinstance(m, str) else " ".join(m) for m in merges]
        content = content | {"model": model}
        return {k: v for k, v in content.items() if k not in ("padding", "truncation", "version")}
    return [(directory / n).read_bytes() for n in TOKENIZERS if (directory / n).exists()]
