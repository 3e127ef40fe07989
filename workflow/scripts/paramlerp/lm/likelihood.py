"""Negative log-likelihood (NLL) of token sequences under a causal LM.

The LM head, a fifth to a third of a small model's work, is applied to real tokens only,
never to padding.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from .batching import batches_by_length, pad
from .models import device
from .tokenization import encode

#: rows of logits in memory at a time (measured: 64 to 512 are equally fast)
HEAD_ROWS = 512


def tokens_per_batch() -> int:
    """Padded tokens in a batch of inference: as many as fit a CPU's cache or occupy a GPU.

    Measured on a CPU: 256 and 1024 are no faster than 512.
    """
    return 16384 if device().type == "cuda" else 512


def hidden_states(
    model, sequences: Sequence[Sequence[int]]
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Hidden states (tokens, width) of all sequences, and the ids (tokens,) that follow them.

    The tokens of the sequences come one after another; the list counts them per sequence,
    one fewer than its ids. Padding is on the right, where a causal model's real tokens
    never look, so no attention mask is needed.
    """
    ids = torch.from_numpy(pad(sequences, 0)).to(model.device)
    hidden = model.base_model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    counts = [len(s) - 1 for s in sequences]
    real = torch.arange(ids.shape[1] - 1) < torch.tensor(counts)[:, None]
    real = real.to(model.device)
    return hidden[real], ids[:, 1:][real], counts


def token_nll(model, sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, list[int]]:
    """NLL in nats of every token but the first of each sequence, as one batch; differentiable.

    Returns (tokens,), the sequences one after another, and the number of tokens of each.
    """
    hidden, targets, counts = hidden_states(model, sequences)
    return head_nll(model, hidden, targets), counts


def head_nll(model, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """NLL in nats (tokens,) of targets (tokens,) given hidden states (tokens, width)."""
    head = model.get_output_embeddings()
    pieces = [
        cross_entropy(head(h).float(), t, reduction="none")
        for h, t in zip(hidden.split(HEAD_ROWS), targets.split(HEAD_ROWS), strict=True)
    ]
    return torch.cat(pieces)


def nll_of_sequences(
    model, sequences, progress: Callable[[int], None] = lambda done: None
) -> list[np.ndarray]:
    """`token_nll` of any number of sequences: a 1-d array for each, in order."""
    return map_batches(
        lambda batch: token_nll(model, [sequences[i] for i in batch]), sequences, progress
    )


@torch.inference_mode()
def map_batches(
    measure: Callable[[list[int]], tuple[torch.Tensor, list[int]]],
    sequences,
    progress: Callable[[int], None] = lambda done: None,
) -> list[np.ndarray]:
    """Call `measure` on batches of sequences of similar length; a 1-d array per sequence.

    `measure` takes indices of sequences. It returns their arrays concatenated, and the
    length of each. `progress(done)` is called after each batch with the number of sequences
    done.
    """
    arrays, done = [None] * len(sequences), 0
    for batch in batches_by_length([len(s) for s in sequences], tokens_per_batch()):
        values, counts = measure(batch)
        for index, part in zip(batch, values.cpu().split(counts), strict=True):
            arrays[index] = part.numpy()
        done += len(batch)
        progress(done)
    return arrays


def perplexity(model, tokenizer, texts: Sequence[str], max_tokens: int | None = None) -> float:
    """exp of the mean NLL in nats per token of texts; a text of more tokens weighs more.

    A text's tokens are its own: the separator before it is their context, the one that ends it is
    not predicted. So `continuations` counts too, and the perplexities of test text and of
    generated text are one measure. Texts are cut to `max_tokens`, the first separator included.
    """
    sequences = [encode(tokenizer, text)[:max_tokens] for text in texts]
    parts = nll_of_sequences(model, sequences)
    tokens = sum(map(len, parts))
    return float(torch.tensor(sum(float(p.sum()) for p in parts) / tokens).exp())
