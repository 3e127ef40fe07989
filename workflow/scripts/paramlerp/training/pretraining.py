"""Pretraining from scratch: one causal LM, any number of processes (table 4 of the paper).

The batches are those of `corpora.Blocks`: the same for any number of processes. AdamW
with weight decay on matrices only (embeddings included; biases and norms have none), a
linear warm-up, then a cosine to 0; bf16 where a GPU has it, fp32 else.
"""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, broadcast_object_list, gather_object
from torch.nn.functional import cross_entropy
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    get_cosine_schedule_with_warmup,
)

from ..data import corpora
from ..jobs.errors import UserError
from ..jobs.prefetch import ahead
from ..jobs.runtime import Progress, logger
from ..jobs.seeds import seed_for
from ..lm.models import device, require_plain_head
from . import resume

#: dense bf16 FLOP/s by the maker's data sheet, by a part of the device's name
PEAKS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12, "A10G": 70e12}


def new_model(architecture: dict, tokenizer, seed: int) -> torch.nn.Module:
    """A causal LM of that `architecture` (model_type and its config's keys), random by `seed`.

    A key that is None is as if it were not there. Raises UserError for what transformers
    does not know or take, and for models whose logits are not their head's alone.
    """
    where, kind = "config: pretraining.architecture", architecture["model_type"]
    if kind not in CONFIG_MAPPING:
        raise UserError(f"{where}.model_type: {kind!r} is not known")
    own = {k: v for k, v in architecture.items() if v is not None and k != "model_type"}
    eos = tokenizer.eos_token_id
    ours = {"bos_token_id": eos, "eos_token_id": eos, "vocab_size": len(tokenizer)}
    known = CONFIG_MAPPING[kind]().to_dict()
    for key in own:
        if key not in known:
            raise UserError(f"{where}.{key}: {kind} has no such key (null takes one away)")
        if key in ours:
            raise UserError(f"{where}.{key}: that is the tokenizer's to say")
    torch.manual_seed(seed)
    try:
        config = CONFIG_MAPPING[kind](**own, **ours)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except Exception as error:  # whatever transformers finds wrong with these numbers
        why = " ".join(str(error).split())
        raise UserError(f"{where}: {type(error).__name__}: {why:.200}") from None
    require_plain_head(model.eval(), where)
    return model


class Objective(torch.nn.Module):
    """Mean NLL in nats of all tokens but the first of blocks (blocks, length)."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, blocks: torch.Tensor) -> torch.Tensor:
        hidden = self.model.base_model(input_ids=blocks[:, :-1], use_cache=False).last_hidden_state
        logits = self.model.get_output_embeddings()(hidden)
        return cross_entropy(logits.flatten(0, 1).float(), blocks[:, 1:].flatten())


def optimizer_of(model, how: dict) -> torch.optim.AdamW:
    """AdamW with weight decay on what has two dimensions or more."""
    groups = (
        [p for p in model.parameters() if (p.dim() > 1) == matrix] for matrix in (True, False)
    )
    return torch.optim.AdamW(
        [
            {"params": own, "weight_decay": decay}
            for own, decay in zip(groups, (how["weight_decay"], 0.0), strict=True)
        ],
        lr=how["learning_rate"],
        betas=tuple(map(float, how["betas"])),
        eps=how["epsilon"],
        fused=True,
    )


def flops_per_token(model, length: int) -> float:
    """Of one training step: 6 N + 12 x layers x width x length (PaLM, Chowdhery et al. 2022).

    N are the parameters that are multiplied with: not tables that are looked up, unless
    they are the LM head as well.
    """
    head = model.get_output_embeddings().weight
    tables = [m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    looked_up = sum(t.numel() for t in tables if t is not head)
    used = sum(p.numel() for p in model.parameters()) - looked_up
    config = model.config
    return 6 * used + 12 * config.num_hidden_layers * config.hidden_size * length


def _has_bf16() -> bool:
    """Whether the device computes in bf16, and does not only make believe."""
    return device().type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def peak_flops() -> float:
    """FLOP/s of one device: a GPU's by its data sheet, else what a matrix product reaches here."""
    gpu = device().type == "cuda"
    kind = torch.cuda.get_device_name() if gpu else ""
    for name, peak in PEAKS.items():
        if name in kind:
            return peak
    size, dtype = 4096 if gpu else 1024, torch.bfloat16 if _has_bf16() else torch.float32
    a = torch.randn(size, size, device=device(), dtype=dtype)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        (a @ a).sum().item()
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def train(
    model,
    blocks_from: Callable[[dict | None], corpora.Blocks],
    held_out: torch.Tensor,
    how: dict,
    *,
    seed,
    checkpoints: resume.Checkpoints,
    write_samples,
) -> tuple[list[dict], list[dict], list[dict], dict]:
    """Train `model` in place; return losses and speeds, a row a step, samples, and what was used.

    Called by every process. A row of losses holds step, learning_rate, loss and, every
    `evaluate_every` steps, validation_loss on `held_out` blocks. `write_samples()`, called
    then too with the model in eval mode, returns rows of text. On CPUs in one process the
    weights are the same bytes however often it was killed. Raises UserError if fewer
    processes came up than `how` promises, or if the loss is NaN or Inf.
    """
    bf16 = _has_bf16()
    accelerator = Accelerator(
        cpu=device().type == "cpu",
        mixed_precision="bf16" if bf16 else "no",
        # The others wait while the main process evaluates and saves.
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=2))],
    )
    processes = accelerator.num_processes
    if processes != how["processes"]:
        raise UserError(f"{how['processes']} processes were asked for, and {processes} came up")
    micro = corpora.accumulation(how["effective_batch"], how["device_batch"], processes)
    optimizer = optimizer_of(model, how)
    schedule = get_cosine_schedule_with_warmup(optimizer, how["warmup_steps"], how["steps"])
    # The schedule stays ours: a prepared one would step once for every process.
    objective, stepper = accelerator.prepare(Objective(model), optimizer)
    cost, peak = flops_per_token(model, how["block"]), peak_flops() * processes
    losses, speeds, samples, start, place = [], [], [], 0, None
    if found := checkpoints.newest():
        tensors, state = found
        resume.restore(model, optimizer, schedule, tensors, state)
        losses, speeds, samples = state["losses"], state["speeds"], state["samples"]
        start, place = state["step"], state["blocks"][accelerator.process_index]
        if accelerator.is_main_process:
            logger.info("going on from step %d of %d", start, how["steps"])
        del found, tensors
    blocks = blocks_from(place)

    def next_step():
        # Where the text stands goes with the batch: the thread that reads is ahead of us.
        batches = [torch.from_numpy(blocks.take(how["device_batch"])) for _ in range(micro)]
        return batches, blocks.state()

    said = Progress(how["steps"], "steps", start=start)
    tokens = how["effective_batch"] * how["block"]
    objective.train()
    before = time.perf_counter()
    for step, (batches, place) in enumerate(
        ahead(next_step() for _ in range(how["steps"] - start)), start + 1
    ):
        # Dropout by a seed of the step's own, so that it has no state to be saved.
        torch.manual_seed(seed_for(seed, "dropout", step, accelerator.process_index))
        total = torch.zeros((), device=accelerator.device)
        for index, batch in enumerate(batches):
            last = index == micro - 1
            with nullcontext() if last else accelerator.no_sync(objective):
                value = objective(batch.to(accelerator.device)) / micro
                accelerator.backward(value)
            total += value.detach()
        loss = accelerator.reduce(total, "mean").item()
        if not math.isfinite(loss):
            raise UserError(f"step {step}: the loss is {loss}; lower the learning rate")
        accelerator.clip_grad_norm_(objective.parameters(), how["clip"])
        rate = schedule.get_last_lr()[0]
        stepper.step()
        schedule.step()
        stepper.zero_grad()
        row = {"step": step, "learning_rate": rate, "loss": loss, "validation_loss": None}
        now = time.perf_counter()
        speed = tokens / (now - before)
        speeds.append(
            {"step": step, "tokens_per_second": speed, "utilisation": speed * cost / peak}
        )
        if step % how["evaluate_every"] == 0 or step == how["steps"]:
            if accelerator.is_main_process:
                with accelerator.autocast():
                    row["validation_loss"] = evaluate(model, held_out, how["device_batch"])
                torch.manual_seed(seed_for(seed, "samples", step))
                samples += [{"step": step, **text} for text in write_samples()]
            objective.train()
        losses.append(row)
        if _agreed(accelerator, checkpoints.due()) and step < how["steps"]:
            places = gather_object([place])
            if accelerator.is_main_process:
                tensors, state = resume.snapshot(model, optimizer, schedule)
                rows = {"losses": losses, "speeds": speeds, "samples": samples}
                checkpoints.save(step, tensors, {**state, **rows, "blocks": places})
            accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            told = f"loss {loss:.3f}, {speed:.0f} tokens/s, {speed * cost / peak:.0%} of peak"
            said(step, told)
        before = time.perf_counter()
    model.eval()
    used = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "processes": processes,
        "device": accelerator.device.type,
        "precision": "bf16" if bf16 else "fp32",
        "accumulation": micro,
        "tokens": tokens * how["steps"],
    }
    return losses, speeds, samples, used


def _agreed(accelerator, due: bool) -> bool:
    """What the main process decides, known to all."""
    decision = [due]
    if accelerator.num_processes > 1:
        broadcast_object_list(decision)
    return decision[0]


@torch.inference_mode()
def evaluate(model, held_out: torch.Tensor, size: int) -> float:
    """Mean NLL a token of blocks (blocks, length), without dropout."""
    model.eval()
    plain = Objective(model)
    total = sum(plain(part.to(model.device)).item() * len(part) for part in held_out.split(size))
    return total / len(held_out)
