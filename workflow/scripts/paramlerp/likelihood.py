"""Negative log-likelihood of tokens under a causal LM, with the LM head on real tokens only."""

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy

from .batching import by_length, pad
from .models import device, encode

#: padded tokens in a batch that is only read: what a CPU's cache holds, what a GPU needs
BATCH_TOKENS = 16384 if device().type == "cuda" else 512
#: rows of logits in memory at a time
HEAD_ROWS = 512


def token_nll(
    model, sequences: Sequence[Sequence[int]], starts: Sequence[int] | None = None
) -> tuple[torch.Tensor, list[int]]:
    """NLL in nats of each sequence's tokens from its start (default 1) on, one after the other.

    Returns (number of those tokens,) and how many of them each sequence has;
    differentiable. Pads stand to the right, where a causal model's real tokens
    never look, so no mask is needed; and neither they nor what stands before the
    start reach the LM head, which is a fifth to a third of a small model's work.
    """
    starts = starts or [1] * len(sequences)
    ids = torch.from_numpy(pad(sequences, 0)).to(model.device)
    hidden = model.base_model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    place = torch.arange(1, ids.shape[1])
    read = place >= torch.tensor(starts)[:, None]
    read &= place < torch.tensor([len(s) for s in sequences])[:, None]
    counts = read.sum(1).tolist()
    read = read.to(model.device)
    hidden, targets = hidden[read], ids[:, 1:][read]
    head = model.get_output_embeddings()
    pieces = [
        cross_entropy(head(h).float(), t, reduction="none")
        for h, t in zip(hidden.split(HEAD_ROWS), targets.split(HEAD_ROWS), strict=True)
    ]
    return torch.cat(pieces), counts


@torch.inference_mode()
def nll_of_all(model, sequences, starts=None, said=lambda done: None):
    """`token_nll` of any number of sequences, as a list of 1-d arrays in their order.

    `said(done)` is called after each batch with the number of sequences read.
    """
    starts = starts or [1] * len(sequences)
    out, done = [None] * len(sequences), 0
    for batch in by_length([len(s) for s in sequences], BATCH_TOKENS):
        nll, counts = token_nll(model, [sequences[i] for i in batch], [starts[i] for i in batch])
        for index, part in zip(batch, nll.cpu().split(counts), strict=True):
            out[index] = part.numpy()
        done += len(batch)
        said(done)
    return out


def continuation(tokenizer, prompt: str, text: str) -> tuple[list[int], int]:
    """Ids of EOS + prompt + text, tokenised as one string, and where the text's tokens begin.

    The string is split by character offset: a token that holds any character of
    the text belongs to it. EOS at the end is left out, as the paper scores words.
    """
    encoded = tokenizer(prompt + text, add_special_tokens=False, return_offsets_mapping=True)
    ends = [end for _, end in encoded["offset_mapping"]]
    first = next((i for i, end in enumerate(ends) if end > len(prompt)), len(ends))
    return [tokenizer.eos_token_id, *encoded["input_ids"]], first + 1


def perplexity(model, tokenizer, texts: Sequence[str], max_tokens: int | None = None) -> float:
    """exp of the mean NLL per token of whole texts, each ending in EOS."""
    sequences = [encode(tokenizer, text, end=True)[:max_tokens] for text in texts]
    parts = nll_of_all(model, sequences)
    tokens = sum(map(len, parts))
    return float(torch.tensor(sum(float(p.sum()) for p in parts) / tokens).exp())
