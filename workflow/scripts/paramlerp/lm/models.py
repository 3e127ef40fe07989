"""Loading models and turning text into ids: one way for all."""

from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers.utils import logging as chatter

from ..jobs import devices, files
from ..jobs.errors import UserError, reason
from ..weights.checkpoints import note, require_labels, weight_files
from .packing import PackedLinear, pack

# Its bars and notes would drown ours; what goes wrong is raised.
chatter.set_verbosity_error()
chatter.disable_progress_bar()


def device() -> torch.device:
    """The GPU if there is one and the user lets us, else the CPU."""
    usable = torch.cuda.is_available() and not devices.cpu_only()
    return torch.device("cuda" if usable else "cpu")


def load_causal_lm(directory, *, train=False) -> tuple[torch.nn.Module, "AutoTokenizer"]:
    """A causal LM in fp32, in eval mode, on `device()`, and its tokenizer.

    Packed for reading (see `packing`) unless it is to be trained.
    Raises UserError if the directory holds no safetensors, no tokenizer, or no
    causal LM that is whole.
    """
    tokenizer = load_lm_tokenizer(directory)
    model = _load(AutoModelForCausalLM, directory)
    if max(tokenizer.get_vocab().values()) >= model.get_input_embeddings().num_embeddings:
        raise UserError(f"{directory}: its tokenizer knows more tokens than its embedding has rows")
    return model if train else pack(model), tokenizer


def fitting(model, tokens: int) -> int:
    """`tokens`, or the model's positions if there are fewer."""
    return min(tokens, getattr(model.config, "max_position_embeddings", None) or tokens)


def load_classifier(directory, labels: list[str] | None = None):
    """A sequence classifier and its tokenizer. Raises UserError if its labels are not `labels`."""
    if labels is not None:
        require_labels(directory, labels, directory)
    return _load(AutoModelForSequenceClassification, directory), load_tokenizer(directory)


def new_classifier(encoder, labels: list[str]):
    """An encoder under a new random head for `labels`, and its tokenizer."""
    names = dict(enumerate(labels))
    model = _load(
        AutoModelForSequenceClassification,
        encoder,
        whole=False,
        num_labels=len(labels),
        id2label=names,
        label2id={label: i for i, label in names.items()},
    )
    return model, load_tokenizer(encoder)


def load_tokenizer(directory):
    """The tokenizer of an HF directory, from disk only."""
    try:
        return AutoTokenizer.from_pretrained(str(Path(directory)), local_files_only=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{directory}: no tokenizer ({reason(error)})") from None


def load_lm_tokenizer(directory):
    """The tokenizer of a language model. Raises UserError if it has no EOS."""
    tokenizer = load_tokenizer(directory)
    if tokenizer.eos_token_id is None:
        raise UserError(f"{directory}: its tokenizer has no EOS token, which ends our texts")
    return tokenizer


@torch.no_grad()
def fill(model, sources, coefficients) -> None:
    """Merge `merging.Sources` into a model of their shape, in place on a CPU.

    Raises UserError if a tensor has no place in the model, and what `sources` raises.
    """
    held = model.state_dict()
    packed = {f"{n}.weight": m for n, m in model.named_modules() if isinstance(m, PackedLinear)}
    packed = {name: packed[name] for name in sources.first.tensors if name in packed}
    # One for all: memory that comes and goes in many sizes leaves holes as large as the model.
    buffer = torch.empty(max((m.shape.numel() for m in packed.values()), default=0))
    for name in sources.first.tensors:
        if name in packed:
            own = buffer[: packed[name].shape.numel()].view(packed[name].shape)
        elif name in held:
            own = held[name].cpu()  # itself, if it is there
        else:
            raise UserError(f"{sources.first.directory}: tensor {name} has no place in its model")
        sources.fill(coefficients, name, own.view(-1).numpy())
        if name in packed:
            packed[name].pack(own)
        elif own is not held[name]:
            held[name].copy_(own)
    head = model.get_output_embeddings()
    if model.config.tie_word_embeddings and isinstance(head, PackedLinear):
        head.pack(model.get_input_embeddings().weight)


def save(model, tokenizer, target) -> None:
    """Write an HF directory with its content hashes, beside and renamed."""
    with files.writing(target) as beside:
        model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        note(beside)


def _load(auto, directory, *, whole: bool = True, **kwargs) -> torch.nn.Module:
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
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{directory}: cannot be loaded: {reason(error)}") from None
    if whole and report["missing_keys"]:
        lacking = sorted(report["missing_keys"])
        raise UserError(
            f"{directory}: not a whole {type(model).__name__}: it lacks {lacking[0]}"
            f" ({len(lacking)} tensors in all)"
        )
    return model.to(device()).eval()


@torch.inference_mode()
def require_plain_head(model, directory) -> None:
    """Refuse models that scale or cap their logits: `likelihood` applies the head alone."""
    ids = torch.zeros(1, 1, dtype=torch.long, device=model.device)
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    logits = model(input_ids=ids, use_cache=False).logits
    if not torch.allclose(model.get_output_embeddings()(hidden), logits, rtol=1e-3, atol=1e-3):
        kind = model.config.model_type
        raise UserError(f"{directory}: {kind} does more to its logits than apply its LM head")


def encode(tokenizer, text: str, *, end: bool = False) -> list[int]:
    """EOS, then `text`, then EOS again if it is to `end`.

    EOS in front makes the first word a prediction too and gives an empty prompt
    a context; the experts are trained and read with it. No other special tokens.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    eos = tokenizer.eos_token_id
    return [eos, *ids, eos] if end else [eos, *ids]
