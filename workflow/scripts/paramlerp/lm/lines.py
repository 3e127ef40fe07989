"""Measure the points of a line: merge one after another in memory, into the same model."""

import logging
from collections.abc import Callable, Iterator
from decimal import Decimal

import torch

from ..jobs.errors import NotFiniteError, UserError
from ..weights import merging
from . import models
from .packing import PackedLinear


def map_points(
    directories: dict[str, str],
    points: dict[str, dict[str, str]],
    measure: Callable,
    log: logging.Logger,
) -> Iterator[tuple[str, object]]:
    """Yield the name of each point and `measure(model, tokenizer)` of the model merged there.

    `directories` is checkpoint -> HF directory; `points` is name -> coefficient of each
    checkpoint. A point is skipped with a warning if its weights, logits or losses hold NaN
    or Inf: it lies too far out.
    """
    merger = merging.Merger(directories)
    model, tokenizer = models.load_causal_lm(next(iter(directories.values())))
    for name, coefficients in points.items():
        try:
            merge_into(model, merger, {c: Decimal(x) for c, x in coefficients.items()})
            result = measure(model, tokenizer)
        except NotFiniteError as error:
            log.warning("%s: %s", name, error)
            continue
        yield name, result


@torch.no_grad()
def merge_into(model, merger: merging.Merger, coefficients: dict[str, Decimal]) -> None:
    """Set a model's weights to the merger's sum_i c_i theta_i, in place on a CPU.

    Raises UserError if the model lacks a tensor of the checkpoints, and the errors of
    `Merger.fill`.
    """
    state = model.state_dict()
    packed = {f"{n}.weight": m for n, m in model.named_modules() if isinstance(m, PackedLinear)}
    packed = {name: packed[name] for name in merger.first.tensors if name in packed}
    # One buffer for all tensors: allocating each size anew fragments memory by as much as
    # the model takes.
    buffer = torch.empty(max((m.shape.numel() for m in packed.values()), default=0))
    for name in merger.first.tensors:
        if name in packed:
            merged = buffer[: packed[name].shape.numel()].view(packed[name].shape)
        elif name in state:
            merged = state[name].cpu()  # on a CPU the model's own tensor, no copy
        else:
            raise UserError(f"{merger.first.directory}: tensor {name} has no place in its model")
        merger.fill(coefficients, name, merged.view(-1).numpy())
        if name in packed:
            packed[name].pack(merged)
        elif merged is not state[name]:
            state[name].copy_(merged)
    # A packed head holds a copy of the embedding that it is tied to.
    head = model.get_output_embeddings()
    if model.config.tie_word_embeddings and isinstance(head, PackedLinear):
        head.pack(model.get_input_embeddings().weight)
