"""Load tokenizers from disk, and encode text for a language model."""

from pathlib import Path

from transformers import AutoTokenizer

from ..jobs.errors import UserError, reason


def load_tokenizer(directory):
    """The tokenizer of an HF directory. Raises UserError if it cannot be loaded.

    It reads the name of a special token in a text, such as "</s>", as text: only the workflow's
    own separators end a text.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(Path(directory)), local_files_only=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{directory}: no tokenizer ({reason(error)})") from None
    tokenizer.split_special_tokens = True
    return tokenizer


def load_lm_tokenizer(directory):
    """The tokenizer of a language model. Raises UserError if it has no EOS token."""
    tokenizer = load_tokenizer(directory)
    if tokenizer.eos_token_id is None:
        raise UserError(f"{directory}: its tokenizer has no EOS token, which ends our texts")
    return tokenizer


def encode(tokenizer, text: str, *, end: bool = False) -> list[int]:
    """The ids of EOS + `text`, and of a final EOS if `end`.

    A leading EOS makes the first word a prediction too and gives an empty prompt a
    context; experts are trained and measured with it. No other special tokens are added.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    eos = tokenizer.eos_token_id
    return [eos, *ids, eos] if end else [eos, *ids]
