"""Negative log-likelihood of continuations given their prompts."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from .batching import batches_by_length, pad
from .likelihood import head_nll, tokens_per_batch
from .prefix_cache import PrefixCache


def encode_continuation(tokenizer, prompt: str, text: str) -> tuple[list[int], int]:
    """Ids of EOS + prompt + text, tokenised as one string, and the index of the text's first.

    Character offsets decide: a token that holds any character of the text belongs to it.
    There is no EOS at the end: a perplexity is that of a text's own tokens (as in
    `likelihood.perplexity`).
    """
    encoded = tokenizer(prompt + text, add_special_tokens=False, return_offsets_mapping=True)
    ends = [end for _, end in encoded["offset_mapping"]]
    first = next((i for i, end in enumerate(ends) if end > len(prompt)), len(ends))
    return [tokenizer.eos_token_id, *encoded["input_ids"]], first + 1


@torch.inference_mode()
def continuation_nll(
    model,
    sequences: Sequence[Sequence[int]],
    starts: Sequence[int],
    progress: Callable[[int], None] = lambda done: None,
) -> list[np.ndarray]:
    """NLL in nats of each sequence's tokens from its start on: a 1-d array for each.

    A start is 1 at least. A prefix (the tokens before the start) that several sequences
    share is read once. `progress(done)` gets the number of sequences done.
    """
    by_prefix: dict[tuple, list[int]] = {}
    for i, (ids, start) in enumerate(zip(sequences, starts, strict=True)):
        by_prefix.setdefault(tuple(ids[:start]), []).append(i)
    prefixes = list(by_prefix)
    arrays, done = [np.empty(0, np.float32)] * len(sequences), 0
    for chosen in batches_by_length([len(p) for p in prefixes], tokens_per_batch()):
        cache = PrefixCache(model, [prefixes[p] for p in chosen])
        rows = [(row, i) for row, p in enumerate(chosen) for i in by_prefix[prefixes[p]]]
        rows = [(row, i) for row, i in rows if len(sequences[i]) > starts[i]]
        # A row also holds the keys and values of its prefix.
        widths = [cache.width + len(sequences[i]) - starts[i] for _, i in rows]
        for batch in batches_by_length(widths, tokens_per_batch()):
            prefix_rows, indices = zip(*(rows[b] for b in batch), strict=True)
            tails = [sequences[i][starts[i] :] for i in indices]
            for i, nll in zip(indices, _tail_nll(model, cache, prefix_rows, tails), strict=True):
                arrays[i] = nll.numpy()
            done += len(indices)
            progress(done)
    progress(len(sequences))
    return arrays


def _tail_nll(model, prefix_cache: PrefixCache, prefix_rows, tails) -> Sequence[torch.Tensor]:
    """NLL of each tail (ids) after the cached prefix at its index in `prefix_rows`."""
    prefixes = torch.tensor(prefix_rows, device=model.device)
    lengths = torch.tensor([len(tail) for tail in tails], device=model.device)
    ids = torch.from_numpy(pad(tails, 0)).to(model.device)
    hidden = prefix_cache.hidden[prefixes, None]  # predicts the first token of a tail
    if ids.shape[1] > 1:
        cache, mask, positions = prefix_cache.expand(prefixes, ids.shape[1] - 1)
        column = torch.arange(ids.shape[1] - 1, device=model.device)
        positions = positions[:, None] + column
        # Padding may lie past the last position of the model; position 0 always exists.
        positions = positions.where(column < lengths[:, None], 0)
        mask = torch.cat([mask, mask.new_ones(ids[:, 1:].shape)], 1)
        output = model.base_model(
            input_ids=ids[:, :-1],
            attention_mask=mask.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        hidden = torch.cat([hidden, output.last_hidden_state], 1)
    real = torch.arange(ids.shape[1], device=model.device) < lengths[:, None]
    return head_nll(model, hidden[real], ids[real]).cpu().split(lengths.tolist())
