"""Many continuations of many prompts from one source of next-token logits.

Every (prompt, sample) has a random stream of its own, the same at every point
of a sweep: its t-th uniform number picks its t-th token by inverting the
distribution in token-id order. So texts at neighbouring points stay coupled
(common random numbers), and no text depends on the batch it was made in or on
which other points are run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .ensembles import mix
from .errors import NotFiniteError, UserError
from .models import encode
from .prefixes import Prefixes
from .seeds import generator


@dataclass(frozen=True)
class Continuation:
    """Generated ids without EOS, and whether EOS ended them."""

    ids: list[int]
    ended: bool


def uniforms(seed, prompt: str, sample: int, count: int) -> np.ndarray:
    """The random stream of a sample: (count,) float64 in [0, 1)."""
    return generator(seed, prompt, sample).random(count)


#: tokens looked at before the nucleus is known to be larger
WIDTH = 256


def _nuclei(logits: torch.Tensor, top_p: float) -> Iterator[tuple[torch.Tensor, ...]]:
    """Nuclei of the rows of (rows, vocabulary), each row once: (which rows, token ids, p).

    The nucleus (Holtzman et al. 2020) is the smallest set of most probable tokens whose
    mass reaches `top_p`; tokens tied with its last are in it. `p` is 0 for an id outside.
    Exact without sorting the vocabulary: the `WIDTH` best tokens are sorted, and more
    only for the rows whose nucleus they do not hold.
    """
    total = logits.logsumexp(-1, keepdim=True).double()
    rows, width = torch.arange(len(logits), device=logits.device), WIDTH
    while len(rows):
        width = min(width, logits.shape[1])
        values, ids = logits[rows].topk(width)
        p = (values.double() - total[rows]).exp()
        last = (p.cumsum(-1) < top_p).sum(-1, keepdim=True).clamp(max=width - 1)
        threshold = values.gather(1, last)
        # The nucleus must end before the window does, or its ties may lie outside.
        end = values[:, -1:]
        held = ((threshold > end) | end.isneginf()).squeeze(1)
        if width == logits.shape[1]:
            held[:] = True
        yield rows[held], ids[held], p.where(values >= threshold, 0)[held]
        rows, width = rows[~held], width * 16


def sample_top_p(logits: torch.Tensor, u: torch.Tensor, top_p: float) -> torch.Tensor:
    """Nucleus sampling by inversion: (rows, vocabulary), (rows,) -> (rows,).

    Of the nucleus' tokens in id order, the first whose cumulative share exceeds `u`.
    """
    tokens = torch.empty(len(logits), dtype=torch.long, device=logits.device)
    for rows, ids, p in _nuclei(logits, top_p):
        ids, order = ids.sort()
        cdf = p.gather(1, order).cumsum(-1)
        index = (cdf <= u[rows][:, None] * cdf[:, -1:]).sum(-1, keepdim=True)
        # With u next to 1, rounding may step past the last token that has any mass.
        heaviest_last = (cdf < cdf[:, -1:]).sum(-1, keepdim=True)
        tokens[rows] = ids.gather(1, index.minimum(heaviest_last)).squeeze(1)
    return tokens


def truncate(logits: torch.Tensor, by: torch.Tensor, top_p: float) -> torch.Tensor:
    """(rows, vocabulary): `logits` of the tokens in the nuclei of `by`, -inf for all others."""
    out = torch.full_like(logits, -torch.inf)
    for rows, ids, p in _nuclei(by, top_p):
        kept = logits[rows].gather(1, ids).where(p > 0, -torch.inf)
        out[rows] = out[rows].scatter(1, ids, kept)
    return out


class ModelLogits:
    """Next-token logits from one causal LM with a KV cache."""

    truncates = False

    def __init__(self, model):
        self.model = model

    def prefill(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> torch.Tensor:
        """Read each prompt once, make `copies` rows of it: (prompts * copies, vocabulary).

        `room` is the number of tokens that will follow at most. Raises UserError if the
        model has no positions for them.
        """
        limit = getattr(self.model.config, "max_position_embeddings", None)
        if limit and max(map(len, prompts)) + room > limit:
            raise UserError(f"prompts and {room} tokens more do not fit the model's {limit}")
        read = Prefixes(self.model, prompts)
        which = torch.arange(len(prompts), device=self.model.device).repeat_interleave(copies)
        self.cache, self.mask, self.positions = read.rows(which, room)
        return _finite(read.logits())[which]

    @torch.inference_mode()
    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Append a token to each row: (rows,) -> (rows, vocabulary)."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], 1)
        out = self.model(
            input_ids=tokens[:, None],
            attention_mask=self.mask.long(),
            position_ids=self.positions[:, None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.positions = self.positions + 1
        return _finite(out.logits[:, -1])

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with these rows only."""
        for layer in self.cache.layers:
            layer.keep(rows)
        self.positions, self.mask = self.positions[rows], self.mask[rows]


def _finite(logits: torch.Tensor) -> torch.Tensor:
    if not logits.sum().isfinite():  # a sum passes NaN and Inf on, and is cheap
        raise NotFiniteError("the model's logits hold NaN or Inf")
    return logits


class EnsembleLogits:
    """Next-token logits z = sum_i c_i z_i of several models (section 3.2; DExperts).

    `models` are ModelLogits over one vocabulary. If `top_p` is given, only the tokens
    in the nucleus of the first are kept, as DExperts' code does (Liu et al. 2021).
    """

    def __init__(self, models: Sequence[ModelLogits], coefficients: Sequence[float], top_p=None):
        self.models, self.coefficients, self.top_p = models, coefficients, top_p
        self.truncates = top_p is not None

    def prefill(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> torch.Tensor:
        return self._mix([model.prefill(prompts, copies, room) for model in self.models])

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        return self._mix([model.step(tokens) for model in self.models])

    def keep(self, rows: torch.Tensor) -> None:
        for model in self.models:
            model.keep(rows)

    def _mix(self, logits: list[torch.Tensor]) -> torch.Tensor:
        z = mix(self.coefficients, logits)
        return truncate(z, logits[0], self.top_p) if self.truncates else z


def generate(
    source,
    prompts: Sequence[Sequence[int]],
    streams: np.ndarray,
    *,
    top_p: float,
    eos: int,
    max_rows: int,
    said=lambda done: None,
) -> list[list[Continuation]]:
    """Continue each prompt once per stream: prompts (ids) x streams (prompts, samples, tokens).

    A continuation ends at EOS or when its stream is used up. Returns prompts x
    samples. Prompts of like length share a batch of at most `max_rows` rows, or of
    one prompt's samples if those are more.
    `source` is a `ModelLogits`, an `EnsembleLogits` or anything with their three
    methods. `said(done)` is called as texts grow, with about how many texts' worth of
    work is done. Raises NotFiniteError if logits are NaN or Inf.
    """
    samples = streams.shape[1]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    size = max(1, max_rows // samples)
    out: list = [None] * len(prompts)
    done = 0
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        rows = _continue(
            source,
            [prompts[i] for i in batch],
            streams[batch],
            top_p,
            eos,
            lambda n, before=done: said(before + n),
        )
        for place, index in enumerate(batch):
            out[index] = rows[place * samples : (place + 1) * samples]
        done += len(rows)
    return out


#: share of finished rows at which the others are moved together
DROP = 1 / 8


def _continue(source, prompts, streams, top_p: float, eos: int, said) -> list[Continuation]:
    _, samples, length = streams.shape
    logits = source.prefill(prompts, copies=samples, room=length)
    u = torch.from_numpy(streams.reshape(-1, length)).to(logits.device)
    ids: list[list[int]] = [[] for _ in u]
    ended = [False] * len(u)
    rows = torch.arange(len(u))  # which text each live row writes
    for step in range(length):
        tokens = sample_top_p(logits, u[rows, step], top_p)
        alive = []
        for place, (text, token) in enumerate(zip(rows.tolist(), tokens.tolist(), strict=True)):
            if ended[text]:
                continue
            if token == eos:
                ended[text] = True
            else:
                ids[text].append(token)
                alive.append(place)
        said(max(sum(ended), len(ids) * (step + 1) // length))
        if not alive or step == length - 1:
            break
        if len(alive) <= len(rows) * (1 - DROP):
            kept = torch.tensor(alive)
            source.keep(kept.to(logits.device))
            rows, tokens = rows[kept], tokens[kept.to(tokens.device)]
        logits = source.step(tokens)
    said(len(ids))
    return [Continuation(i, e) for i, e in zip(ids, ended, strict=True)]


def text_of(tokenizer, prompt: Sequence[int], continuation: Sequence[int]) -> str:
    """The continuation's text alone, its leading space kept.

    Decoded behind its prompt, since some tokenizers swallow a first space.
    """
    head = tokenizer.decode(prompt, skip_special_tokens=True)
    whole = tokenizer.decode([*prompt, *continuation], skip_special_tokens=True)
    return whole[len(head) :]


def continue_prompts(
    source, tokenizer, prompts: list[dict], how: dict, seed, said=lambda done: None
) -> list[dict]:
    """Texts as rows of a generation file: `how` has samples, max_new_tokens, top_p, max_rows.

    `prompts` have prompt_id and prompt. A source that truncates takes no second top-p.
    """
    ids = [encode(tokenizer, p["prompt"]) for p in prompts]
    samples, length = how["samples"], how["max_new_tokens"]
    streams = np.array(
        [
            [uniforms(seed, p["prompt"], sample, length) for sample in range(samples)]
            for p in prompts
        ]
    )
    texts = generate(
        source,
        ids,
        streams,
        top_p=1 if source.truncates else how["top_p"],
        eos=tokenizer.eos_token_id,
        max_rows=how["max_rows"],
        said=said,
    )
    return [
        {
            "prompt_id": prompt["prompt_id"],
            "sample_id": sample,
            "prompt": prompt["prompt"],
            "text": text_of(tokenizer, own, text.ids),
            "n_tokens": len(text.ids),
            "ended": text.ended,
        }
        for prompt, own, row in zip(prompts, ids, texts, strict=True)
        for sample, text in enumerate(row)
    ]
