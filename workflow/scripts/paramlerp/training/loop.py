"""The training loop of experts and classifiers."""

from collections.abc import Callable, Sequence

import torch
from accelerate import Accelerator
from transformers import get_linear_schedule_with_warmup

from ..jobs.errors import UserError
from ..jobs.progress import Progress
from ..jobs.runtime import logger
from ..lm.models import device
from .states import TrainingStates, restore, snapshot

#: columns of a record that the log does not repeat
_NOT_LOGGED = ("step", "learning_rate", "train_loss")


class Objective(torch.nn.Module):
    """The loss of a batch as one module, which accelerate can wrap for processes and autocast."""

    def __init__(self, model: torch.nn.Module, loss: Callable):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch) -> torch.Tensor:
        return self.loss(self.model, batch)


def fit(
    model: torch.nn.Module,
    batches: Sequence,
    loss: Callable[[torch.nn.Module, object], torch.Tensor],
    *,
    learning_rate: float,
    warmup: float,
    weight_decay: float,
    clip: float,
    evaluate: Callable[[], dict[str, float]],
    evaluate_every: int,
    states: TrainingStates,
) -> list[dict]:
    """Train all weights of `model` in place, one step per batch; return the evaluations.

    AdamW; the learning rate rises linearly over the share `warmup` of the steps, then falls
    linearly to 0; gradients are clipped to norm `clip`. `loss(model, batch)` is a scalar; of
    several processes each has batches of its own. `evaluate()` gives named metrics before the
    first step, every `evaluate_every` steps and after the last. A record holds step,
    learning_rate, train_loss (mean since the record before it) and these metrics. The training
    resumes from the newest of `states`; on a CPU it ends in the same bytes as an uninterrupted
    one. Raises UserError if the loss is NaN or Inf.
    """
    accelerator = Accelerator(cpu=device().type == "cpu")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    steps = len(batches)
    schedule = get_linear_schedule_with_warmup(optimizer, round(warmup * steps), steps)
    # The schedule is not prepared: accelerate would step it once per process.
    objective, prepared_optimizer = accelerator.prepare(Objective(model, loss), optimizer)
    records, losses = [], []

    def record(step: int) -> None:
        model.eval()
        with torch.inference_mode():
            metrics = evaluate()
        model.train()
        rate = schedule.get_last_lr()[0]
        mean_loss = sum(losses) / len(losses) if losses else None
        records.append({"step": step, "learning_rate": rate, "train_loss": mean_loss, **metrics})
        losses.clear()

    start = 0
    if state := states.newest():
        tensors, numbers = state
        restore(model, optimizer, schedule, tensors, numbers)
        records, losses, start = numbers["records"], numbers["losses"], numbers["step"]
        logger.info("resuming from step %d of %d", start, steps)
        del state, tensors  # frees the tensors, which are as large as model and optimizer
    else:
        record(0)
    model.train()
    progress = Progress(steps, "steps", start=start)
    for step, batch in enumerate(batches[start:], start + 1):
        batch_loss = objective(batch)
        accelerator.backward(batch_loss)
        if not torch.isfinite(batch_loss):
            raise UserError(
                f"step {step}: the loss is {batch_loss.item()}; lower the learning rate"
            )
        accelerator.clip_grad_norm_(objective.parameters(), clip)
        prepared_optimizer.step()
        schedule.step()
        prepared_optimizer.zero_grad()
        losses.append(batch_loss.item())
        if step % evaluate_every == 0 or step == steps:
            record(step)
        if states.due() and step < steps:
            tensors, numbers = snapshot(model, optimizer, schedule)
            states.save(step, tensors, {**numbers, "records": records, "losses": losses})
        metrics = {k: v for k, v in records[-1].items() if k not in _NOT_LOGGED and v}
        progress(step, f"loss {batch_loss.item():.3f}, {_format(metrics)}")
    model.eval()
    return records


def _format(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
