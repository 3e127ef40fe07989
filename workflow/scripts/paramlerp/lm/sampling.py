"""Nucleus sampling by inversion, with a random stream for each (prompt, sample).

The stream of a (prompt, sample) is the same at every point of a scheme. Its t-th uniform
number picks the t-th token by inverting the distribution in token-id order. This couples
the texts of neighbouring points (common random numbers), and no text depends on its batch
or on the other points of the run.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.functional import pad

from ..jobs.seeds import generator

#: tokens below this probability are examined only if the others do not fill the nucleus
COMMON = 3e-5
#: histogram bins per nat of log-probability
BINS = 64


def uniforms(seed, prompt: str, sample: int, count: int) -> np.ndarray:
    """The random stream of a sample: (count,) float64 in [0, 1)."""
    return generator(seed, prompt, sample).random(count)


def sample_top_p(logits: torch.Tensor, u: torch.Tensor, top_p: float) -> torch.Tensor:
    """Draw a token per row from its nucleus: logits (rows, vocabulary), u (rows,) -> (rows,).

    In id order, the first token of the nucleus at which the renormalised cumulative
    probability exceeds `u`.
    """
    tokens = torch.empty(len(logits), dtype=torch.long, device=logits.device)
    for rows, sizes, ids, p in _nuclei(logits, top_p):
        starts = sizes.cumsum(0) - sizes
        cdf = _segment_cumsum(p, starts, sizes)
        row_of = torch.arange(len(rows), device=rows.device).repeat_interleave(sizes)
        passed = row_of[cdf <= (u[rows] * cdf[starts + sizes - 1])[row_of]]
        index = torch.bincount(passed, minlength=len(rows))
        # If u is close to 1, rounding may step past the last token.
        tokens[rows] = ids[starts + index.minimum(sizes - 1)]
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
