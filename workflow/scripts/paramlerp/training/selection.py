"""Which of several trainings is best: the one rule for the checkpoint and for its table."""

import math
from collections.abc import Sequence

from ..jobs.errors import UserError


def best_candidate(perplexities: Sequence[float]) -> int:
    """The index of the lowest validation perplexity; the first of equal ones.

    A perplexity that is NaN or infinite never wins. Raises UserError if all of them are.
    """
    finite = [index for index, value in enumerate(perplexities) if math.isfinite(value)]
    if not finite:
        raise UserError("no candidate has a finite validation perplexity")
    return min(finite, key=lambda index: perplexities[index])
