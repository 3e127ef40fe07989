"""One training loop: experts, scorers, and whatever is fine-tuned next."""

from collections.abc import Callable, Sequence

import torch
from accelerate import Accelerator
from transformers import get_linear_schedule_with_warmup

from ..jobs.errors import UserError
from ..jobs.runtime import Progress, logger
from ..lm.models import device
from . import resume


def fit(
    model: torch.nn.Module,
    batches: Sequence,
    loss: Callable,
    *,
    learning_rate: float,
    warmup: float,
    weight_decay: float,
    clip: float,
    evaluate: Callable[[], dict[str, float]],
    evaluate_every: int,
    checkpoints: resume.Checkpoints,
) -> list[dict]:
    """Train all of `model`'s weights in place, one step a batch; return what happened.

    AdamW; the learning rate rises linearly over the first `warmup` of the steps,
    then falls linearly to 0; gradients are clipped to norm `clip`. `evaluate()`
    gives named figures before the first step, every `evaluate_every` steps and
    after the last. A record holds step, learning_rate, train_loss (mean since the
    record before) and those figures. Goes on from the newest of `checkpoints`, to
    the same bytes as an undisturbed training on a CPU. Raises UserError if the loss
    is NaN or Inf.
    """
    accelerator = Accelerator(cpu=device().type == "cpu")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    steps = len(batches)
    schedule = get_linear_schedule_with_warmup(optimizer, round(warmup * steps), steps)
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
    records, losses = [], []

    def record(step: int) -> None:
        model.eval()
        with torch.inference_mode():
            figures = evaluate()
        model.train()
        rate = schedule.get_last_lr()[0]
        mean = sum(losses) / len(losses) if losses else None
        records.append({"step": step, "learning_rate": rate, "train_loss": mean, **figures})
        losses.clear()

    start = 0
    if found := checkpoints.newest():
        tensors, state = found
        resume.restore(model, optimizer, schedule, tensors, state)
        records, losses, start = state["records"], state["losses"], state["step"]
        logger.info("going on from step %d of %d", start, steps)
        del found, tensors  # or they stay in memory beside what was restored
    else:
        record(0)
    model.train()
    said = Progress(steps, "steps", start=start)
    for step, batch in enumerate(batches[start:], start + 1):
        value = loss(model, batch)
        accelerator.backward(value)
        if not torch.isfinite(value):
            raise UserError(f"step {step}: the loss is {value.item()}; lower the learning rate")
        accelerator.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(value.item())
        if step % evaluate_every == 0 or step == steps:
            record(step)
        if checkpoints.due() and step < steps:
            tensors, state = resume.snapshot(model, optimizer, schedule)
            checkpoints.save(step, tensors, {**state, "records": records, "losses": losses})
        figures = ", ".join(f"{k} {v:.3f}" for k, v in records[-1].items() if k not in _QUIET and v)
        said(step, f"loss {value.item():.3f}, {figures}")
    model.eval()
    return records


_QUIET = ("step", "learning_rate", "train_loss")
