"""Families of models: which class loads a model, which tensors are its body, its labels."""

from dataclasses import dataclass
from pathlib import Path

from ..jobs import files
from ..jobs.errors import UserError
from .checkpoints import Checkpoint


@dataclass(frozen=True)
class Family:
    """Models that one auto class of transformers loads and that one metric evaluates."""

    name: str
    auto_class: str
    suffixes: tuple[str, ...]  # of the names of its architectures, such as BertModel
    evaluated_by: str | None


#: Order matters: an architecture belongs to the first family with a suffix that fits, and
#: GPT2LMHeadModel ends in Model too. A body is a model without a head.
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
    """The family of the model in an HF directory, by its config; None if no family fits."""
    architectures = files.read_json(Path(directory) / "config.json").get("architectures") or []
    return next((f for f in FAMILIES if any(a.endswith(f.suffixes) for a in architectures)), None)


def body_prefix(checkpoint: Checkpoint) -> str:
    """The start of the names of the body's tensors ("bert."); "" if the model has no head.

    The body is the top module with the most elements; the other top modules are the head.
    """
    model_family = family(checkpoint.directory)
    if model_family is None or model_family.name == "body":
        return ""
    sizes: dict[str, int] = {}
    for name, tensor in checkpoint.tensors.items():
        module = name.partition(".")[0] + "."
        sizes[module] = sizes.get(module, 0) + tensor.data.size
    return max(sizes, key=sizes.__getitem__)


def class_labels(directory) -> list[str]:
    """The labels of a classifier, in the order of its logits."""
    config = files.read_json(Path(directory) / "config.json")
    labels = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # transformers' default
    return [labels[key] for key in sorted(labels, key=int)]


def require_labels(directory, expected: list[str], name) -> None:
    """Raise UserError about the model `name` unless its labels are `expected`, in this order.

    With swapped labels every curve of the scorer would be upside down.
    """
    labels = class_labels(directory)
    if labels != expected:
        raise UserError(f"{name}: config.json: id2label is {labels}, the config says {expected}")
