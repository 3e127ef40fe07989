"""Rows of points whose models are merged in memory, one after the other."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from ..jobs.errors import NotFiniteError
from ..weights import merging
from . import models


def each(
    directories: dict[str, str],
    points: dict[str, dict[str, str]],
    work: Callable,
    log,
) -> Iterator[tuple[str, object]]:
    """What `work(model, tokenizer)` gives at each point, with the point's name.

    `points` is name -> the coefficient of each checkpoint of `directories`. A point whose
    weights, logits or losses hold NaN or Inf is left out with a warning: it lies too far out.
    """
    sources = merging.Sources(directories)
    model, tokenizer = models.load_causal_lm(next(iter(directories.values())))
    for name, coefficients in points.items():
        try:
            models.fill(model, sources, {c: Decimal(x) for c, x in coefficients.items()})
            found = work(model, tokenizer)
        except NotFiniteError as error:
            log.warning("%s: %s", name, error)
            continue
        yield name, found
