"""Negative log-likelihood of tokens under a causal LM, with the LM head on real tokens only."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from .batching import by_length, pad
from .models import device, encode

#: rows of logits in memory at a time
HEAD_ROWS = 512


def batch_tokens() -> int:
    """Padded tokens in a batch that is only read: what a CPU's cache holds, what a GPU needs."""
    return 16384 if device().type == "cuda" else 512


def read(model, sequences: Sequence[Sequence[int]]):
    """What the LM head is to be applied to: hidden states (tokens, width), the tokens that
    follow (tokens,), and how many of them each sequence has.

    Pads stand to the right, where a causal model's real tokens never look, so no mask is
    needed; and they do not reach the LM head, which is a fifth to a third of a small
    model's work.
    """
    ids = torch.from_numpy(pad(sequences, 0)).to(model.device)
    hidden = model.base_model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    counts = [len(s) - 1 for s in sequences]
    read = torch.arange(ids.shape[1] - 1) < torch.tensor(counts)[:, None]
    read = read.to(model.device)
    return hidden[read], ids[:, 1:][read], counts


def token_nll(model, sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, list[int]]:
    """NLL in nats of each sequence's tokens but the first, one after the other.

    Returns (number of those tokens,) and how many of them each sequence has;
    differentiable.
    """
    hidden, targets, counts = read(model, sequences)
    return head_nll(model, hidden, targets), counts


def head_nll(model, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """NLL of targets (tokens,) after hidden states (tokens, width)."""
    head = model.get_output_embeddings()
    pieces = [
        cross_entropy(head(h).float(), t, reduction="none")
        for h, t in zip(hidden.split(HEAD_ROWS), targets.split(HEAD_ROWS), strict=True)
    ]
    return torch.cat(pieces)


def nll_of_all(model, sequences, progress=lambda done: None) -> list[np.ndarray]:
    """`token_nll` of any number of sequences, as a list of 1-d arrays in their order.

    `progress(done)` is called after each batch with the number of sequences read.
    """
    return in_batches(
        lambda batch: token_nll(model, [sequences[i] for i in batch]), sequences, progress
    )


@torch.inference_mode()
def in_batches(of, sequences, progress=lambda done: None) -> list[np.ndarray]:
    """A 1-d array a sequence, from `of`, which takes indices of sequences of like length and
    gives the arrays one after the other, and their lengths."""
    out, done = [None] * len(sequences), 0
    for batch in by_length([len(s) for s in sequences], batch_tokens()):
        values, counts = of(batch)
        for index, part in zip(batch, values.cpu().split(counts), strict=True):
            out[index] = part.numpy()
        done += len(batch)
        progress(done)
    return out


def perplexity(model, tokenizer, texts: Sequence[str], max_tokens: int | None = None) -> float:
    """exp of the mean NLL per token of whole texts, each ending in EOS."""
    sequences = [encode(tokenizer, text, end=True)[:max_tokens] for text in texts]
    parts = nll_of_all(model, sequences)
    tokens = sum(map(len, parts))
    return float(torch.tensor(sum(float(p.sum()) for p in parts) / tokens).exp())
