"""Decode many continuations of many prompts from one source of next-token logits."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ..jobs.errors import NotFiniteError, UserError
from .ensembles import mix
from .models import clip_to_context, end_ids
from .prefix_cache import PrefixCache
from .sampling import sample_top_p, stream_key, truncate
from .tokenization import encode

#: share of finished rows at which a batch drops them; dropping copies the cache of the other
#: rows (measured: 1/16 and 1/32 are no faster)
DROP = 1 / 8


@dataclass(frozen=True)
class Continuation:
    """Generated token ids without the one that ended them, and whether one did."""

    ids: list[int]
    ended: bool


class LogitsSource(Protocol):
    """Next-token logits of a batch of rows that grow by a token per step."""

    #: whether the logits are cut to a nucleus already; sampling then takes no second top-p
    truncates: bool
    #: ids that end a text by the generation config
    ends: frozenset[int]

    def prefill(
        self, prompts: Sequence[Sequence[int]], copies: int, max_new_tokens: int
    ) -> torch.Tensor:
        """Read prompts (ids) and make `copies` rows of each: (prompts * copies, vocabulary)."""

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append a token to each row: (rows,) -> (rows, vocabulary)."""

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only these rows (indices, ascending)."""


class ModelLogits:
    """The logits of one causal LM, with a KV cache."""

    truncates = False

    def __init__(self, model):
        self.model = model
        self.ends = end_ids(model)

    def prefill(
        self, prompts: Sequence[Sequence[int]], copies: int, max_new_tokens: int
    ) -> torch.Tensor:
        """As in `LogitsSource`; each prompt is read once for all its copies.

        Raises UserError if prompts and new tokens exceed the model's context.
        """
        needed = max(map(len, prompts)) + max_new_tokens
        if (limit := clip_to_context(self.model, needed)) < needed:
            raise UserError(
                f"prompts and {max_new_tokens} new tokens do not fit the model's context of {limit}"
            )
        prefix_cache = PrefixCache(self.model, prompts)
        row_prompts = torch.arange(len(prompts), device=self.model.device)
        row_prompts = row_prompts.repeat_interleave(copies)
        self.cache, self.mask, self.positions = prefix_cache.expand(row_prompts, max_new_tokens)
        return _require_finite(prefix_cache.logits())[row_prompts]

    @torch.inference_mode()
    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], 1)
        output = self.model(
            input_ids=tokens[:, None],
            attention_mask=self.mask.long(),
            position_ids=self.positions[:, None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.positions = self.positions + 1
        return _require_finite(output.logits[:, -1])

    def keep(self, rows: torch.Tensor) -> None:
        for layer in self.cache.layers:
            layer.keep(rows)
        self.positions, self.mask = self.positions[rows], self.mask[rows]


def _require_finite(logits: torch.Tensor) -> torch.Tensor:
    if not logits.sum().isfinite():  # a sum propagates NaN and Inf, and is cheap
        raise NotFiniteError("the model's logits hold NaN or Inf")
    return logits


class EnsembleLogits:
    """Mixed logits z = sum_i c_i z_i of several models (section 3.2; DExperts).

    `models` are ModelLogits over one vocabulary. With `top_p`, only the tokens in the
    nucleus of the first model are kept, as in the code of DExperts (Liu et al. 2021).
    """

    def __init__(self, models: Sequence[ModelLogits], coefficients: Sequence[float], top_p=None):
        self.models, self.coefficients, self.top_p = models, coefficients, top_p
        self.truncates = top_p is not None
        self.ends = frozenset().union(*(model.ends for model in models))

    def prefill(
        self, prompts: Sequence[Sequence[int]], copies: int, max_new_tokens: int
    ) -> torch.Tensor:
        return self._mix([model.prefill(prompts, copies, max_new_tokens) for model in self.models])

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        return self._mix([model.step(tokens) for model in self.models])

    def keep(self, rows: torch.Tensor) -> None:
        for model in self.models:
            model.keep(rows)

    def _mix(self, logits: list[torch.Tensor]) -> torch.Tensor:
        z = mix(self.coefficients, logits)
        return truncate(z, logits[0], self.top_p) if self.truncates else z


def generate(
    source: LogitsSource,
    prompts: Sequence[Sequence[int]],
    keys: np.ndarray,
    *,
    max_new_tokens: int,
    top_p: float,
    ends: Collection[int],
    max_rows: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[list[Continuation]]:
    """Continue each prompt (ids) once per random stream; returns prompts x samples.

    `keys` (prompts, samples) are the keys of the streams. A continuation ends at one of the ids
    `ends`, or after `max_new_tokens`. Prompts of similar length share a batch of at most
    `max_rows` rows, or of one prompt's samples if those are more. `progress(done)` is called
    at every step with the number of texts done, estimated from the texts that ended and the
    steps taken. Raises NotFiniteError if logits are NaN or Inf.
    """
    samples = keys.shape[1]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    size = max(1, max_rows // samples)
    continuations: list = [None] * len(prompts)
    done = 0
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        rows = _continue_batch(
            source,
            [prompts[i] for i in batch],
            keys[batch],
            max_new_tokens,
            top_p,
            ends,
            lambda n, before=done: progress(before + n),
        )
        for i, index in enumerate(batch):
            continuations[index] = rows[i * samples : (i + 1) * samples]
        done += len(rows)
    return continuations


def _continue_batch(source, prompts, keys, length: int, top_p: float, ends, progress):
    """The continuations of one batch, flat: samples of the first prompt, of the second, ..."""
    logits = source.prefill(prompts, copies=keys.shape[1], max_new_tokens=length)
    keys = torch.from_numpy(keys.flatten()).to(logits.device)
    ids: list[list[int]] = [[] for _ in keys]
    ended = [False] * len(keys)
    rows = torch.arange(len(keys))  # the index in `ids` of the text that each live row writes
    for step in range(length):
        tokens = sample_top_p(logits, keys[rows.to(keys.device)], step, top_p)
        alive = []
        for row, (text, token) in enumerate(zip(rows.tolist(), tokens.tolist(), strict=True)):
            if ended[text]:
                continue
            if token in ends:
                ended[text] = True
            else:
                ids[text].append(token)
                alive.append(row)
        progress(max(sum(ended), len(ids) * (step + 1) // length))
        if not alive or step == length - 1:
            break
        if len(alive) <= len(rows) * (1 - DROP):
            kept = torch.tensor(alive)
            source.keep(kept.to(logits.device))
            rows, tokens = rows[kept], tokens[kept.to(tokens.device)]
        logits = source.step(tokens)
    progress(len(ids))
    return [Continuation(i, e) for i, e in zip(ids, ended, strict=True)]


def decode_continuation(tokenizer, prompt: Sequence[int], continuation: Sequence[int]) -> str:
    """The text of a continuation (ids), with its leading space and with special tokens as text.

    Decoded together with its prompt, because some tokenizers drop a text's first space.
    """
    return tokenizer.decode([*prompt, *continuation])[len(tokenizer.decode(prompt)) :]


def continue_prompts(
    source: LogitsSource,
    tokenizer,
    prompts: list[dict],
    samples: Sequence[int],
    settings: dict,
    seed,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict]:
    """Generate the rows of a sample file, one row per text.

    `prompts` have prompt_id and prompt; `samples` are the sample ids to generate for each;
    `settings` has max_new_tokens, top_p and max_rows. A text ends at the tokenizer's EOS and at
    every id that ends texts by the generation config; other special tokens stay in the text, and
    `n_special` counts them. A source that truncates is sampled
    without a second top-p. `progress` and errors are those of `generate`.
    """
    prompt_ids = [encode(tokenizer, p["prompt"]) for p in prompts]
    keys = [[stream_key(seed, p["prompt"], sample) for sample in samples] for p in prompts]
    added = tokenizer.added_tokens_decoder.items()
    special = {*tokenizer.all_special_ids, *(i for i, token in added if token.special)}
    continuations = generate(
        source,
        prompt_ids,
        np.array(keys),
        max_new_tokens=settings["max_new_tokens"],
        top_p=1 if source.truncates else settings["top_p"],
        ends=source.ends | {tokenizer.eos_token_id},
        max_rows=settings["max_rows"],
        progress=progress,
    )
    return [
        {
            "prompt_id": prompt["prompt_id"],
            "sample_id": sample,
            "prompt": prompt["prompt"],
            "text": decode_continuation(tokenizer, ids, continuation.ids),
            "n_tokens": len(continuation.ids),
            "n_special": sum(token in special for token in continuation.ids),
            "ended": continuation.ended,
        }
        for prompt, ids, row in zip(prompts, prompt_ids, continuations, strict=True)
        for sample, continuation in zip(samples, row, strict=True)
    ]
