"""Negative log-likelihood of tokens under a causal LM, with the LM head on real tokens only."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div

from .batching import by_length, pad
from .models import device, encode
from .prefixes import Prefixes

#: padded tokens in a batch that is only read: what a CPU's cache holds, what a GPU needs
BATCH_TOKENS = 16384 if device().type == "cuda" else 512
#: tokens of prompts whose keys and values are held at a time
PREFIX_TOKENS = 8 * BATCH_TOKENS
#: rows of logits in memory at a time
HEAD_ROWS = 512


def _read(model, sequences: Sequence[Sequence[int]]):
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
    hidden, targets, counts = _read(model, sequences)
    return _head_nll(model, hidden, targets), counts


def _head_nll(model, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    head = model.get_output_embeddings()
    pieces = [
        cross_entropy(head(h).float(), t, reduction="none")
        for h, t in zip(hidden.split(HEAD_ROWS), targets.split(HEAD_ROWS), strict=True)
    ]
    return torch.cat(pieces)


def nll_of_all(model, sequences, said=lambda done: None) -> list[np.ndarray]:
    """`token_nll` of any number of sequences, as a list of 1-d arrays in their order.

    `said(done)` is called after each batch with the number of sequences read.
    """
    return _in_batches(
        lambda batch: token_nll(model, [sequences[i] for i in batch]), sequences, said
    )


@torch.inference_mode()
def continuation_nll(model, sequences, starts, said=lambda done: None) -> list[np.ndarray]:
    """NLL in nats of each sequence's tokens from its start on, as `nll_of_all` gives it.

    What stands before the starts, a token at least, is read once for all that share it.
    """
    before: dict[tuple, list[int]] = {}
    for i, (ids, start) in enumerate(zip(sequences, starts, strict=True)):
        before.setdefault(tuple(ids[:start]), []).append(i)
    prompts = list(before)
    out, done = [np.empty(0, np.float32)] * len(sequences), 0
    for chosen in by_length([len(prompt) for prompt in prompts], PREFIX_TOKENS):
        own = [(row, i) for row, p in enumerate(chosen) for i in before[prompts[p]]]
        own = [(row, i) for row, i in own if len(sequences[i]) > starts[i]]
        room = max((len(sequences[i]) - starts[i] for _, i in own), default=0)
        read = Prefixes(model, [prompts[p] for p in chosen], room)
        for batch in by_length([len(sequences[i]) - starts[i] for _, i in own], BATCH_TOKENS):
            rows, some = zip(*(own[place] for place in batch), strict=True)
            tails = [sequences[i][starts[i] :] for i in some]
            for i, nll in zip(some, _tail_nll(model, read, rows, tails), strict=True):
                out[i] = nll.numpy()
            done += len(some)
            said(done)
    said(len(sequences))
    return out


def _tail_nll(model, read: Prefixes, rows, tails) -> Sequence[torch.Tensor]:
    """NLL of the tokens that follow prompts already read: a tail each of `rows`."""
    which = torch.tensor(rows, device=model.device)
    lengths = torch.tensor([len(tail) for tail in tails], device=model.device)
    ids = torch.from_numpy(pad(tails, 0)).to(model.device)
    hidden = read.hidden[which, None]  # which predicts the first token
    if ids.shape[1] > 1:
        cache, mask, positions = read.rows(which, ids.shape[1] - 1)
        place = torch.arange(ids.shape[1] - 1, device=model.device)
        mask = torch.cat([mask, mask.new_ones(ids[:, 1:].shape)], 1)
        out = model.base_model(
            input_ids=ids[:, :-1],
            attention_mask=mask.long(),
            position_ids=positions[:, None] + place,
            past_key_values=cache,
            use_cache=True,
        )
        hidden = torch.cat([hidden, out.last_hidden_state], 1)
    real = torch.arange(ids.shape[1], device=model.device) < lengths[:, None]
    return _head_nll(model, hidden[real], ids[real]).cpu().split(lengths.tolist())


def divergence_of_all(models, coefficients, other, sequences, said=lambda done: None):
    """KL(p || q) in nats at each token but the first, a 1-d array a sequence.

    p is the ensemble's distribution of the next token, softmax(sum_i c_i z_i) over
    `models`; q that of the model `other`.
    """

    def of(batch: list[int]):
        chosen = [sequences[i] for i in batch]
        states = [_read(model, chosen) for model in (*models, other)]
        heads = [model.get_output_embeddings() for model in (*models, other)]
        pieces = []
        for rows in zip(*(hidden.split(HEAD_ROWS // 4) for hidden, _, _ in states), strict=True):
            *own, q = (head(h).float() for head, h in zip(heads, rows, strict=True))
            p = mix(coefficients, own).log_softmax(-1)
            pieces.append(kl_div(q.log_softmax(-1), p, reduction="none", log_target=True).sum(-1))
        return torch.cat(pieces), states[0][2]

    return _in_batches(of, sequences, said)


@torch.inference_mode()
def _in_batches(of, sequences, said) -> list[np.ndarray]:
    out, done = [None] * len(sequences), 0
    for batch in by_length([len(s) for s in sequences], BATCH_TOKENS):
        values, counts = of(batch)
        for index, part in zip(batch, values.cpu().split(counts), strict=True):
            out[index] = part.numpy()
        done += len(batch)
        said(done)
    return out


def mix(coefficients: Sequence[float], logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """An ensemble's logits sum_i c_i z_i (section 3.2); exactly z if that is alone with 1."""
    z = logits[0] * coefficients[0]
    for c, other in zip(coefficients[1:], logits[1:], strict=True):
        z.add_(other, alpha=c)
    return z


def losses(model, tokenizer, texts: dict[str, list[str]], max_tokens: int, said=lambda d: None):
    """NLL of whole texts, each ending in EOS: rows of pole, text_id, nll (a sum), n_tokens."""
    rows = [(pole, i, text) for pole, own in texts.items() for i, text in enumerate(own)]
    sequences = [encode(tokenizer, text, end=True)[:max_tokens] for _, _, text in rows]
    return [
        {"pole": pole, "text_id": i, "nll": float(nll.sum(dtype="float64")), "n_tokens": len(nll)}
        for (pole, i, _), nll in zip(rows, nll_of_all(model, sequences, said=said), strict=True)
    ]


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
