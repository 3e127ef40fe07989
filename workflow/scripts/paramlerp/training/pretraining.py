"""Pretraining of a causal LM from scratch, in any number of processes (table 4 of the paper).

The batches are those of `corpora.Blocks`: the same for any number of processes. AdamW
with weight decay on matrices only (embeddings included; biases and norms have none), a
linear warm-up, then a cosine to 0; bf16 if the GPU has it, else fp32.
"""

import math
import os
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, broadcast_object_list, gather_object
from torch.nn.functional import cross_entropy
from transformers import get_cosine_schedule_with_warmup

from ..data import corpora
from ..jobs.errors import UserError
from ..jobs.prefetch import prefetch
from ..jobs.progress import Progress
from ..jobs.runtime import logger
from ..jobs.seeds import seed_for
from ..lm.models import device
from .states import TrainingStates, restore, snapshot
from .throughput import flops_per_token, has_bf16, peak_flops


class NextTokenLoss(torch.nn.Module):
    """Mean NLL in nats of all tokens but the first, in blocks of token ids (blocks, length)."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, blocks: torch.Tensor) -> torch.Tensor:
        hidden = self.model.base_model(input_ids=blocks[:, :-1], use_cache=False).last_hidden_state
        logits = self.model.get_output_embeddings()(hidden)
        return cross_entropy(logits.flatten(0, 1).float(), blocks[:, 1:].flatten())


@dataclass
class History:
    """The losses, speeds and samples of a pretraining so far, as rows of its result files.

    A row of `losses` holds step, learning_rate, loss and, at an evaluation, validation_loss
    (else None); a row of `speeds` step, tokens_per_second and utilisation, the share of the
    peak FLOP/s; a row of `samples` step and text.
    """

    losses: list[dict] = field(default_factory=list)
    speeds: list[dict] = field(default_factory=list)
    samples: list[dict] = field(default_factory=list)


def new_optimizer(model, settings: dict) -> torch.optim.AdamW:
    """AdamW with weight decay on the parameters of two dimensions or more."""
    matrices, others = (
        [p for p in model.parameters() if (p.dim() > 1) == matrix] for matrix in (True, False)
    )
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": settings["weight_decay"]},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings["learning_rate"],
        betas=tuple(map(float, settings["betas"])),
        eps=settings["epsilon"],
        fused=True,
    )


def can_compile() -> bool:
    """Whether PyTorch can compile for this GPU: it needs a C compiler, and a GPU from Volta on."""
    compiler = any(map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang")))
    if not compiler or torch.cuda.get_device_capability() < (7, 0):
        logger.info("the training step is not compiled: no C compiler, or too old a GPU")
        return False
    return True


def train(
    model,
    blocks_from: Callable[[dict | None], corpora.Blocks],
    held_out: torch.Tensor,
    settings: dict,
    *,
    seed,
    states: TrainingStates,
    write_samples: Callable[[], list[dict]],
) -> tuple[History, dict]:
    """Train `model` in place; return its history, and the settings that the machine determined.

    Every process calls this. `blocks_from(position)` gives the text's blocks from a saved
    position on. Every `evaluate_every` steps and after the last one, the main process measures
    the loss on `held_out` blocks (blocks, length) and calls `write_samples()` with the model in
    eval mode. The training resumes from the newest of `states`; on CPUs in one process it ends
    in the same bytes as an uninterrupted one. Raises UserError if the number of processes is not
    `settings["processes"]`, or if the loss is NaN or Inf.
    """
    accelerator = _new_accelerator(settings["processes"])
    processes, rank = accelerator.num_processes, accelerator.process_index
    accumulation_steps = corpora.accumulation_steps(
        settings["effective_batch"], settings["device_batch"], processes
    )
    steps, evaluate_every = settings["steps"], settings["evaluate_every"]
    step_tokens = settings["effective_batch"] * settings["block"]
    optimizer = new_optimizer(model, settings)
    schedule = get_cosine_schedule_with_warmup(optimizer, settings["warmup_steps"], steps)
    # The schedule is not prepared: accelerate would step it once per process.
    compiled = settings["compile"] and accelerator.device.type == "cuda" and can_compile()
    objective = torch.compile(NextTokenLoss(model)) if compiled else NextTokenLoss(model)
    objective, prepared_optimizer = accelerator.prepare(objective, optimizer)
    cost, peak = flops_per_token(model, settings["block"]), peak_flops() * processes
    history, start, position = History(), 0, None
    if state := states.newest():
        tensors, numbers = state
        restore(model, optimizer, schedule, tensors, numbers)
        history, start = History(**numbers["history"]), numbers["step"]
        position = numbers["positions"][rank]
        if accelerator.is_main_process:
            logger.info("resuming from step %d of %d", start, steps)
        del state, tensors
    blocks = blocks_from(position)

    def read_step() -> tuple[list[torch.Tensor], dict]:
        # The position is returned with its batches, since this thread reads steps ahead.
        batches = [
            torch.from_numpy(blocks.take(settings["device_batch"]))
            for _ in range(accumulation_steps)
        ]
        return batches, blocks.state()

    progress = Progress(steps, "steps", start=start)
    objective.train()
    step_start = time.perf_counter()
    for step, (batches, position) in enumerate(
        prefetch(read_step() for _ in range(steps - start)), start + 1
    ):
        # A new seed for each step's dropout, so that a state need not save the generator.
        torch.manual_seed(seed_for(seed, "dropout", step, rank))
        loss = _accumulate_gradients(accelerator, objective, batches)
        if not math.isfinite(loss):
            raise UserError(f"step {step}: the loss is {loss}; lower the learning rate")
        accelerator.clip_grad_norm_(objective.parameters(), settings["clip"])
        rate = schedule.get_last_lr()[0]
        prepared_optimizer.step()
        schedule.step()
        prepared_optimizer.zero_grad()
        speed = step_tokens / (time.perf_counter() - step_start)
        utilisation = speed * cost / peak
        history.speeds.append(
            {"step": step, "tokens_per_second": speed, "utilisation": utilisation}
        )
        row = {"step": step, "learning_rate": rate, "loss": loss, "validation_loss": None}
        if step % evaluate_every == 0 or step == steps:
            if accelerator.is_main_process:
                with accelerator.autocast():
                    row["validation_loss"] = evaluate(model, held_out, settings["device_batch"])
                torch.manual_seed(seed_for(seed, "samples", step))
                history.samples += [{"step": step, **sample} for sample in write_samples()]
            objective.train()
        history.losses.append(row)
        if _broadcast(accelerator, states.due()) and step < steps:
            positions = gather_object([position])
            if accelerator.is_main_process:
                tensors, numbers = snapshot(model, optimizer, schedule)
                numbers |= {"history": vars(history), "positions": positions}
                states.save(step, tensors, numbers)
            accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            progress(step, f"loss {loss:.3f}, {speed:.0f} tokens/s, {utilisation:.0%} of peak")
        step_start = time.perf_counter()
    model.eval()
    used = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "processes": processes,
        "device": accelerator.device.type,
        "precision": "bf16" if has_bf16() else "fp32",
        "compiled": compiled,
        "accumulation": accumulation_steps,
        "tokens": step_tokens * steps,
    }
    return history, used


def _new_accelerator(processes: int) -> Accelerator:
    accelerator = Accelerator(
        cpu=device().type == "cpu",
        mixed_precision="bf16" if has_bf16() else "no",
        # The other processes wait while the main process evaluates and saves.
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=2))],
    )
    if accelerator.num_processes != processes:
        raise UserError(
            f"{processes} processes were asked for, and {accelerator.num_processes} came up"
        )
    return accelerator


def _accumulate_gradients(accelerator, objective, batches: list[torch.Tensor]) -> float:
    """Add the gradients of the mean loss over `batches` of all processes; return that loss."""
    total = torch.zeros((), device=accelerator.device)
    for index, batch in enumerate(batches):
        last = index == len(batches) - 1
        with nullcontext() if last else accelerator.no_sync(objective):
            share = objective(batch.to(accelerator.device)) / len(batches)
            accelerator.backward(share)
        total += share.detach()
    return accelerator.reduce(total, "mean").item()


def _broadcast(accelerator, decision: bool) -> bool:
    """The main process's decision, in every process."""
    decisions = [decision]
    if accelerator.num_processes > 1:
        broadcast_object_list(decisions)
    return decisions[0]


@torch.inference_mode()
def evaluate(model, held_out: torch.Tensor, size: int) -> float:
    """Mean NLL in nats per token of blocks (blocks, length), `size` blocks at once, no dropout."""
    model.eval()
    objective = NextTokenLoss(model)
    batches = held_out.split(size)
    total = sum(objective(batch.to(model.device)).item() * len(batch) for batch in batches)
    return total / len(held_out)
