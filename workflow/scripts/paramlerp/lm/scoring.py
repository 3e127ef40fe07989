"""What models say of texts: NLL of continuations and of test sentences, and KL of two models."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import kl_div

from ..jobs.errors import NotFiniteError
from .batching import by_length, pad
from .ensembles import mix
from .likelihood import HEAD_ROWS, batch_tokens, head_nll, in_batches, nll_of_all, read
from .models import encode, fitting
from .prefixes import Prefixes


def continuation(tokenizer, prompt: str, text: str) -> tuple[list[int], int]:
    """Ids of EOS + prompt + text, tokenised as one string, and where the text's tokens begin.

    The string is split by character offset: a token that holds any character of
    the text belongs to it. EOS at the end is left out, as the paper scores words.
    """
    encoded = tokenizer(prompt + text, add_special_tokens=False, return_offsets_mapping=True)
    ends = [end for _, end in encoded["offset_mapping"]]
    first = next((i for i, end in enumerate(ends) if end > len(prompt)), len(ends))
    return [tokenizer.eos_token_id, *encoded["input_ids"]], first + 1


@torch.inference_mode()
def continuation_nll(model, sequences, starts, progress=lambda done: None) -> list[np.ndarray]:
    """NLL in nats of each sequence's tokens from its start on, as `nll_of_all` gives it.

    What stands before the starts, a token at least, is read once for all that share it.
    """
    before: dict[tuple, list[int]] = {}
    for i, (ids, start) in enumerate(zip(sequences, starts, strict=True)):
        before.setdefault(tuple(ids[:start]), []).append(i)
    prompts = list(before)
    out, done = [np.empty(0, np.float32)] * len(sequences), 0
    for chosen in by_length([len(prompt) for prompt in prompts], batch_tokens()):
        own = [(row, i) for row, p in enumerate(chosen) for i in before[prompts[p]]]
        own = [(row, i) for row, i in own if len(sequences[i]) > starts[i]]
        prefixes = Prefixes(model, [prompts[p] for p in chosen])
        # A row holds its prompt's keys and values as well.
        held = [prefixes.width + len(sequences[i]) - starts[i] for _, i in own]
        for batch in by_length(held, batch_tokens()):
            rows, some = zip(*(own[place] for place in batch), strict=True)
            tails = [sequences[i][starts[i] :] for i in some]
            for i, nll in zip(some, _tail_nll(model, prefixes, rows, tails), strict=True):
                out[i] = nll.numpy()
            done += len(some)
            progress(done)
    progress(len(sequences))
    return out


def _tail_nll(model, prefixes: Prefixes, rows, tails) -> Sequence[torch.Tensor]:
    """NLL of the tokens that follow prompts already read: a tail each of `rows`."""
    which = torch.tensor(rows, device=model.device)
    lengths = torch.tensor([len(tail) for tail in tails], device=model.device)
    ids = torch.from_numpy(pad(tails, 0)).to(model.device)
    hidden = prefixes.hidden[which, None]  # which predicts the first token
    if ids.shape[1] > 1:
        cache, mask, positions = prefixes.rows(which, ids.shape[1] - 1)
        place = torch.arange(ids.shape[1] - 1, device=model.device)
        positions = positions[:, None] + place
        # Pads get a position that every model has.
        positions = positions.where(place < lengths[:, None], 0)
        mask = torch.cat([mask, mask.new_ones(ids[:, 1:].shape)], 1)
        out = model.base_model(
            input_ids=ids[:, :-1],
            attention_mask=mask.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        hidden = torch.cat([hidden, out.last_hidden_state], 1)
    real = torch.arange(ids.shape[1], device=model.device) < lengths[:, None]
    return head_nll(model, hidden[real], ids[real]).cpu().split(lengths.tolist())


def losses(model, tokenizer, texts: dict[str, list[str]], max_tokens: int, progress=lambda d: None):
    """NLL of whole texts, each ending in EOS: rows of text, text_id, nll (a sum), n_tokens.

    `text` is the name of the set that a text is in.

    Raises NotFiniteError if one is NaN or Inf.
    """
    keys, sequences = _whole(tokenizer, texts, fitting(model, max_tokens))
    return _rows(keys, "nll", nll_of_all(model, sequences, progress))


def divergence(
    models: list,
    coefficients: list[float],
    other,
    tokenizer,
    texts: dict[str, list[str]],
    max_tokens: int,
    progress=lambda done: None,
) -> list[dict]:
    """KL(ensemble || other) of the next token along whole texts: rows as `losses` has them."""
    keys, sequences = _whole(tokenizer, texts, fitting(other, max_tokens))
    parts = divergence_of_all(models, coefficients, other, sequences, progress)
    return _rows(keys, "kl", parts)


def _whole(tokenizer, texts: dict[str, list[str]], max_tokens: int):
    keys = [(name, i) for name, own in texts.items() for i in range(len(own))]
    return keys, [
        encode(tokenizer, text, end=True)[:max_tokens] for own in texts.values() for text in own
    ]


def _rows(keys, name: str, parts: list[np.ndarray]) -> list[dict]:
    sums = [float(part.sum(dtype="float64")) for part in parts]
    if not np.isfinite(sums).all():
        raise NotFiniteError("the model's losses hold NaN or Inf")
    return [
        {"text": of, "text_id": i, name: total, "n_tokens": len(part)}
        for (of, i), total, part in zip(keys, sums, parts, strict=True)
    ]


def divergence_of_all(models, coefficients, other, sequences, progress=lambda done: None):
    """KL(p || q) in nats at each token but the first, a 1-d array a sequence.

    p is the ensemble's distribution of the next token, softmax(sum_i c_i z_i) over
    `models`; q that of the model `other`.
    """

    def of(batch: list[int]):
        chosen = [sequences[i] for i in batch]
        states = [read(model, chosen) for model in (*models, other)]
        heads = [model.get_output_embeddings() for model in (*models, other)]
        pieces = []
        for rows in zip(*(hidden.split(HEAD_ROWS // 4) for hidden, _, _ in states), strict=True):
            *own, q = (head(h).float() for head, h in zip(heads, rows, strict=True))
            p = mix(coefficients, own).log_softmax(-1)
            pieces.append(kl_div(q.log_softmax(-1), p, reduction="none", log_target=True).sum(-1))
        return torch.cat(pieces), states[0][2]

    return in_batches(of, sequences, progress)
