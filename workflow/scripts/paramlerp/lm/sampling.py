"""Nucleus sampling by the Gumbel-max trick, with a random number for each token that could come.

The random number of a token is a function of (seed, prompt, sample, step, token id) alone, and so
the same at every point of a scheme. From one point to the next another token is drawn only if its
odds against the first have changed: neighbouring points share whole texts (common random numbers).
No text depends on its batch or on the other points of the run.
"""

import math
from collections.abc import Iterator

import torch
from torch.nn.functional import pad

from ..jobs.seeds import generator

#: tokens below this probability are examined only if the others do not fill the nucleus
COMMON = 3e-5
#: histogram bins per nat of log-probability
BINS = 64


def stream_key(seed, prompt: str, sample: int) -> int:
    """The number that determines all random numbers of a sample: an int64."""
    return int(generator(seed, prompt, sample).integers(-(2**63), 2**63 - 1))


def exponentials(keys: torch.Tensor, step: int, ids: torch.Tensor) -> torch.Tensor:
    """Exponential random numbers (tokens,), float64, of tokens `ids` at a step, by stream `keys`.

    SplitMix64 (Steele, Lea & Flood 2014) by random access: a stream's number at position
    (step, id) needs none of the numbers before it. Integer arithmetic is modulo 2^64.
    """
    z = keys + ((step << 32) + 1 + ids) * _int64(0x9E3779B97F4A7C15)
    z = (z ^ _shift(z, 30)) * _int64(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _int64(0x94D049BB133111EB)
    z = z ^ _shift(z, 31)
    return -((_shift(z, 12).double() + 0.5) * 2.0**-52).log()


def _int64(bits: int) -> int:
    return bits - 2**64


def _shift(z: torch.Tensor, count: int) -> torch.Tensor:
    """Shift to the right and fill with zeros; `>>` of an int64 fills with its sign."""
    return (z >> count) & (2 ** (64 - count) - 1)


def sample_top_p(logits: torch.Tensor, keys: torch.Tensor, step: int, top_p: float) -> torch.Tensor:
    """Draw a token per row from its nucleus: logits (rows, vocabulary), keys (rows,) -> (rows,).

    The token with the least E / p wins, where p is its probability and E its exponential random
    number: the Gumbel-max trick (-log E is a Gumbel variable).
    """
    tokens = torch.empty(len(logits), dtype=torch.long, device=logits.device)
    for rows, sizes, ids, p in _nuclei(logits, top_p):
        row_of = torch.arange(len(rows), device=rows.device).repeat_interleave(sizes)
        times = exponentials(keys[rows][row_of], step, ids) / p
        least = times.new_full((len(rows),), torch.inf).scatter_reduce(0, row_of, times, "amin")
        wins = (times == least[row_of]).nonzero()[:, 0]
        tokens[rows[row_of[wins]]] = ids[wins]
    return tokens


def truncate(logits: torch.Tensor, reference: torch.Tensor, top_p: float) -> torch.Tensor:
    """(rows, vocabulary): `logits` inside the nuclei of the logits `reference`, -inf outside."""
    truncated = torch.full_like(logits, -torch.inf)
    for rows, sizes, ids, _ in _nuclei(reference, top_p):
        row_of = rows.repeat_interleave(sizes)
        truncated[row_of, ids] = logits[row_of, ids]
    return truncated


def _nuclei(logits: torch.Tensor, top_p: float) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield the nuclei of logits (rows, vocabulary) in groups (rows, sizes, token ids, p).

    The nucleus (Holtzman et al. 2020) is the smallest set of most probable tokens whose
    mass reaches `top_p`, plus all tokens tied with its last. Each row is in one group; `ids`
    and `p` (float64) concatenate the nuclei of the group's rows, each in id order.

    Exact without sorting the vocabulary: mass is summed in histogram bins, and only the
    tokens of the bin in which a nucleus ends are sorted. Rare tokens are examined only for
    the rows that need them.
    """
    log_z = logits.logsumexp(-1)
    rows = torch.arange(len(logits), device=logits.device)
    if top_p == 1:
        row_of, ids = logits.isfinite().nonzero(as_tuple=True)
        p = (logits[row_of, ids].double() - log_z[row_of]).exp()
        yield rows, torch.bincount(row_of, minlength=len(rows)), ids, p
        return
    # All tokens below this probability weigh less than 1 - top_p together.
    rare = (1 - top_p) / 2 / logits.shape[1]
    for least in (max(COMMON, rare), rare):
        pending = logits if len(rows) == len(logits) else logits[rows]
        flat = (pending > log_z[rows, None] + math.log(least)).view(-1).nonzero()[:, 0]
        row_of = flat // pending.shape[1]
        values = pending.reshape(-1)[flat]
        nll = log_z[rows][row_of] - values.double()
        p = (-nll).exp()
        bins = int(-math.log(least) * BINS) + 2  # one more, for rounding
        bin_of = (nll * BINS).long()
        mass = torch.bincount(row_of * bins + bin_of, p, minlength=len(rows) * bins)
        mass = mass.view(-1, bins).cumsum(1)
        end_bin = (mass < top_p).sum(1)
        # Mass falls short if the nucleus needs rarer tokens or, in the last pass, by rounding.
        short, last = end_bin == bins, least == rare
        threshold = values.new_full(end_bin.shape, -torch.inf if last else torch.inf)
        threshold[~short] = _thresholds(row_of, values, p, bin_of, mass, end_bin, top_p)
        selected = (values >= threshold[row_of]).nonzero()[:, 0]
        sizes = torch.bincount(row_of[selected], minlength=len(rows))
        complete = ~short | last
        yield rows[complete], sizes[complete], flat[selected] % pending.shape[1], p[selected]
        rows = rows[~complete]
        if not len(rows):
            return


def _thresholds(row_of, values, p, bin_of, mass, end_bin, top_p: float) -> torch.Tensor:
    """The logit of the last token of each nucleus, for the rows whose mass reaches `top_p`.

    `row_of`, `values`, `p` and `bin_of` are the tokens' rows, logits, probabilities and
    bins; `mass` is (rows, bins), cumulative; a row's nucleus ends in bin `end_bin`.
    """
    candidates = (bin_of == end_bin[row_of]).nonzero()[:, 0]
    candidates = candidates[values[candidates].argsort(descending=True)]
    candidates = candidates[row_of[candidates].argsort(stable=True)]
    rows, sizes = row_of[candidates].unique_consecutive(return_counts=True)
    starts = sizes.cumsum(0) - sizes
    before = pad(mass, (1, 0))[rows, end_bin[rows]]
    sums = _segment_cumsum(p[candidates], starts, sizes) + before.repeat_interleave(sizes)
    rank = torch.bincount(row_of[candidates][sums < top_p], minlength=len(mass))[rows]
    # Rounding may step past the last token.
    return values[candidates[starts + rank.minimum(sizes - 1)]]


def _segment_cumsum(p: torch.Tensor, starts: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Cumulative sums of p (tokens,) within segments of these starts and sizes."""
    sums = p.cumsum(0)
    before = torch.cat([sums.new_zeros(1), sums])[starts]
    return sums - before.repeat_interleave(sizes)
