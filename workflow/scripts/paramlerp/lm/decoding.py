"""Many continuations of many prompts from one source of next-token logits.

Every (prompt, sample) has a random stream of its own, the same at every point
of a sweep: its t-th uniform number picks its t-th token by inverting the
distribution in token-id order. So texts at neighbouring points stay coupled
(common random numbers), and no text depends on the batch it was made in or on
which other points are run.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import pad

from ..jobs.errors import NotFiniteError, UserError
from ..jobs.seeds import generator
from .ensembles import mix
from .models import encode, fitting
from .prefixes import Prefixes


@dataclass(frozen=True)
class Continuation:
    """Generated ids without EOS, and whether EOS ended them."""

    ids: list[int]
    ended: bool


def uniforms(seed, prompt: str, sample: int, count: int) -> np.ndarray:
    """The random stream of a sample: (count,) float64 in [0, 1)."""
    return generator(seed, prompt, sample).random(count)


#: tokens rarer than this are looked at only where the others do not fill the nucleus
COMMON = 3e-5
#: bins of log-probability, a nat, in which mass is summed to find where a nucleus ends
BINS = 64


def _nuclei(logits: torch.Tensor, top_p: float) -> Iterator[tuple[torch.Tensor, ...]]:
    """Nuclei of the rows of (rows, vocabulary), each row once: (rows, sizes, token ids, p).

    The nucleus (Holtzman et al. 2020) is the smallest set of most probable tokens whose
    mass reaches `top_p`; tokens tied with its last are in it. `ids` and `p` hold one row's
    nucleus after the other's, in id order. Exact without sorting the vocabulary: mass is
    summed in bins, and only the tokens of the bin in which a nucleus ends are sorted. Rare
    tokens are looked at only for the rows that need them.
    """
    total = logits.logsumexp(-1)
    rows = torch.arange(len(logits), device=logits.device)
    if top_p == 1:
        place, ids = logits.isfinite().nonzero(as_tuple=True)
        p = (logits[place, ids].double() - total[place]).exp()
        yield rows, torch.bincount(place, minlength=len(rows)), ids, p
        return
    # Tokens rarer than this weigh less than 1 - top_p all together.
    rare = (1 - top_p) / 2 / logits.shape[1]
    for least in (max(COMMON, rare), rare):
        own = logits if len(rows) == len(logits) else logits[rows]
        flat = (own > total[rows, None] + math.log(least)).view(-1).nonzero()[:, 0]
        place = flat // own.shape[1]
        values = own.reshape(-1)[flat]
        below = total[rows][place] - values.double()
        p = (-below).exp()
        bins = int(-math.log(least) * BINS) + 2  # one more, for rounding
        at = (below * BINS).long()
        mass = torch.bincount(place * bins + at, p, minlength=len(rows) * bins).view(-1, bins)
        mass = mass.cumsum(1)
        end = (mass < top_p).sum(1)
        # Where mass falls short there are rarer tokens to come, or it is rounding.
        short, last = end == bins, least == rare
        threshold = values.new_full(end.shape, -torch.inf if last else torch.inf)
        threshold[~short] = _thresholds(place, values, p, at, mass, end, top_p)
        kept = (values >= threshold[place]).nonzero()[:, 0]
        sizes = torch.bincount(place[kept], minlength=len(rows))
        held = ~short | last
        yield rows[held], sizes[held], flat[kept] % own.shape[1], p[kept]
        rows = rows[~held]
        if not len(rows):
            return


def _thresholds(place, values, p, at, mass, end, top_p: float) -> torch.Tensor:
    """The logit of the last token of each nucleus, for the rows whose mass reaches `top_p`.

    `place`, `values`, `p` and `at` are tokens' rows, logits, probabilities and bins; `mass`
    is (rows, bins), summed up; a nucleus ends in bin `end`.
    """
    last = (at == end[place]).nonzero()[:, 0]
    last = last[values[last].argsort(descending=True)]
    last = last[place[last].argsort(stable=True)]
    rows, sizes = place[last].unique_consecutive(return_counts=True)
    starts = sizes.cumsum(0) - sizes
    before = pad(mass, (1, 0))[rows, end[rows]]
    sums = _sums(p[last], starts, sizes) + before.repeat_interleave(sizes)
    rank = torch.bincount(place[last][sums < top_p], minlength=len(mass))[rows]
    return values[last[starts + rank.minimum(sizes - 1)]]  # rounding may step past the last


def _sums(p: torch.Tensor, starts: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Cumulative sums of p within pieces of these starts and sizes."""
    sums = p.cumsum(0)
    before = torch.cat([sums.new_zeros(1), sums])[starts]
    return sums - before.repeat_interleave(sizes)


def sample_top_p(logits: torch.Tensor, u: torch.Tensor, top_p: float) -> torch.Tensor:
    """Nucleus sampling by inversion: (rows, vocabulary), (rows,) -> (rows,).

    Of the nucleus' tokens in id order, the first whose cumulative share exceeds `u`.
    """
    tokens = torch.empty(len(logits), dtype=torch.long, device=logits.device)
    for rows, sizes, ids, p in _nuclei(logits, top_p):
        starts = sizes.cumsum(0) - sizes
        cdf = _sums(p, starts, sizes)
        place = torch.arange(len(rows), device=rows.device).repeat_interleave(sizes)
        passed = place[cdf <= (u[rows] * cdf[starts + sizes - 1])[place]]
        index = torch.bincount(passed, minlength=len(rows))
        # With u next to 1, rounding may step past the last.
        tokens[rows] = ids[starts + index.minimum(sizes - 1)]
    return tokens


def truncate(logits: torch.Tensor, by: torch.Tensor, top_p: float) -> torch.Tensor:
    """(rows, vocabulary): `logits` of the tokens in the nuclei of `by`, -inf for all others."""
    out = torch.full_like(logits, -torch.inf)
    for rows, sizes, ids, _ in _nuclei(by, top_p):
        place = rows.repeat_interleave(sizes)
        out[place, ids] = logits[place, ids]
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
        needed = max(map(len, prompts)) + room
        if (limit := fitting(self.model, needed)) < needed:
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
    progress=lambda done: None,
) -> list[list[Continuation]]:
    """Continue each prompt once per stream: prompts (ids) x streams (prompts, samples, tokens).

    A continuation ends at EOS or when its stream is used up. Returns prompts x
    samples. Prompts of like length share a batch of at most `max_rows` rows, or of
    one prompt's samples if those are more.
    `source` is a `ModelLogits`, an `EnsembleLogits` or anything with their three
    methods. `progress(done)` is called as texts grow, with about how many texts' worth of
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
            lambda n, before=done: progress(before + n),
        )
        for place, index in enumerate(batch):
            out[index] = rows[place * samples : (place + 1) * samples]
        done += len(rows)
    return out


#: share of finished rows at which the others are moved together
DROP = 1 / 8


def _continue(source, prompts, streams, top_p: float, eos: int, progress) -> list[Continuation]:
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


def text_of(tokenizer, prompt: Sequence[int], continuation: Sequence[int]) -> str:
    """The continuation's text alone, its leading space kept.

    Decoded behind its prompt, since some tokenizers swallow a first space.
    """
    head = tokenizer.decode(prompt, skip_special_tokens=True)
    whole = tokenizer.decode([*prompt, *continuation], skip_special_tokens=True)
    return whole[len(head) :]


def continue_prompts(
    source,
    tokenizer,
    prompts: list[dict],
    samples: Sequence[int],
    how: dict,
    seed,
    progress=lambda done: None,
) -> list[dict]:
    """Texts as rows of a generation file: `how` has max_new_tokens, top_p, max_rows.

    `prompts` have prompt_id and prompt; `samples` are the ids of the samples that are wanted of
    each. A source that truncates takes no second top-p.
    """
    ids = [encode(tokenizer, p["prompt"]) for p in prompts]
    length = how["max_new_tokens"]
    streams = np.array(
        [[uniforms(seed, p["prompt"], sample, length) for sample in samples] for p in prompts]
    )
    texts = generate(
        source,
        ids,
        streams,
        top_p=1 if source.truncates else how["top_p"],
        eos=tokenizer.eos_token_id,
        max_rows=how["max_rows"],
        progress=progress,
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
        for sample, text in zip(samples, row, strict=True)
    ]
