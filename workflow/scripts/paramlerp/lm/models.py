"""Load Hugging Face models in one way for all jobs, and save them."""

import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerBase,
)

from ..jobs import devices, files
from ..jobs.errors import UserError, reason
from ..weights import records
from ..weights.checkpoints import LAYER, weight_files
from ..weights.families import require_labels
from .packing import pack
from .tokenization import load_lm_tokenizer, load_tokenizer

#: tensors that no model needs: masks, positions and frequencies that older versions saved
_BUFFERS = re.compile(r"\.(attn|attention)\.(masked_)?bias$|\.causal_mask$|inv_freq$|position_ids$")


def device() -> torch.device:
    """The GPU if there is one and the user allows it, else the CPU."""
    usable = torch.cuda.is_available() and not devices.cpu_only()
    return torch.device("cuda" if usable else "cpu")


def load_causal_lm(directory, *, train=False) -> tuple[torch.nn.Module, PreTrainedTokenizerBase]:
    """A causal LM in fp32 and eval mode on `device()`, and its tokenizer.

    Its linear layers are packed for inference (see `packing`), unless it is for training.
    Raises UserError if the directory has no safetensors, no tokenizer with an EOS, or no
    complete causal LM, or if the tokenizer has ids that the embedding lacks.
    """
    tokenizer = load_lm_tokenizer(directory)
    model = _load(AutoModelForCausalLM, directory)
    if max(tokenizer.get_vocab().values()) >= model.get_input_embeddings().num_embeddings:
        raise UserError(f"{directory}: its tokenizer knows more tokens than its embedding has rows")
    return model if train else pack(model), tokenizer


def clip_to_context(model, tokens: int) -> int:
    """The number `tokens`, or the model's context length if that is smaller."""
    return min(tokens, getattr(model.config, "max_position_embeddings", None) or tokens)


def end_ids(model) -> frozenset[int]:
    """The ids that end a text by the model's generation config."""
    ends = model.generation_config.eos_token_id
    return frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])


def load_classifier(directory, labels: list[str] | None = None):
    """A sequence classifier and its tokenizer. Raises UserError if its labels are not `labels`."""
    if labels is not None:
        require_labels(directory, labels, directory)
    return _load(AutoModelForSequenceClassification, directory), load_tokenizer(directory)


def new_classifier(encoder, labels: list[str]):
    """The encoder of a directory under a new random head for `labels`, and its tokenizer."""
    names = dict(enumerate(labels))
    model = _load(
        AutoModelForSequenceClassification,
        encoder,
        new_head=True,
        num_labels=len(labels),
        id2label=names,
        label2id={label: i for i, label in names.items()},
    )
    return model, load_tokenizer(encoder)


def save(model, tokenizer, target) -> None:
    """Write an HF directory and the hashes of its content; it appears complete or not at all."""
    with files.writing(target) as beside:
        model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        records.write(beside)


def _load(auto, directory, *, new_head: bool = False, **kwargs) -> torch.nn.Module:
    """The directory's model as the class `auto`, in fp32 and eval mode on `device()`.

    Raises UserError if it cannot be loaded, and the errors of `require_whole`.
    """
    weight_files(directory)
    try:
        model, report = auto.from_pretrained(
            str(Path(directory)),
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **kwargs,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{directory}: cannot be loaded: {reason(error)}") from None
    require_whole(model, report, directory, new_head=new_head)
    return model.to(device()).eval()


def require_whole(model, report: dict, directory, *, new_head: bool = False) -> None:
    """Raise UserError if a directory lacks tensors of its model or has others.

    `report` is transformers' loading info. With a `new_head` only the tensors of layers count: it
    is random, and the directory's own head is not read. A pooler is not read by every classifier.
    """
    missing = [n for n in report["missing_keys"] if LAYER.search(n) or not new_head]
    unread = [
        name
        for name in report["unexpected_keys"]
        if LAYER.search(name) or not (new_head or "pooler" in name)
        if not _BUFFERS.search(name)
    ]
    for names, lack in ((missing, "it lacks"), (unread, "its config.json has no place for")):
        if names:
            raise UserError(
                f"{directory}: not a whole {type(model).__name__}: {lack} {min(names)}"
                f" ({len(names)} tensors in all)"
            )


@torch.inference_mode()
def require_plain_head(model, directory) -> None:
    """Raise UserError if a model scales or caps its logits.

    `likelihood` and `prefix_cache` apply the LM head to hidden states and nothing more.
    """
    ids = torch.zeros(1, 1, dtype=torch.long, device=model.device)
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    logits = model(input_ids=ids, use_cache=False).logits
    if not torch.allclose(model.get_output_embeddings()(hidden), logits, rtol=1e-3, atol=1e-3):
        kind = model.config.model_type
        raise UserError(f"{directory}: {kind} does more to its logits than apply its LM head")
