"""Shared parts of all comparisons: arguments, clock, and the measured peak of the machine.

A comparison is a module with UNIT (the unit of its rates), OURS (the side that the others are
compared with, or None), optionally CASES, and SIDES: name -> function of a `Setup`. That
function prepares, does the work under `timed`, and returns the figures of `timed`. `run.py`
runs each side in a separate process; by hand: python benchmarks/decoding.py "ours" RESULTS [CASE]
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "workflow" / "scripts"))


@dataclass(frozen=True)
class Setup:
    """The results of a finished default run, the case to measure, and the number of threads."""

    results: Path
    case: str
    quick: bool
    threads: int

    def model(self, point: str | None = None) -> Path:
        """The HF directory of a merged point; the case is the default point."""
        return self.results / "merged" / (point or self.case)

    def checkpoint(self, name: str) -> Path:
        """The HF directory of a checkpoint of the config."""
        return self.results / "checkpoints" / name

    def prompts(self) -> list[dict]:
        from paramlerp.jobs import files

        rows = files.read_jsonl(self.results / "prompts" / "neutral.jsonl")
        return rows[:10] if self.quick else rows

    def texts(self) -> list[dict]:
        """The generated texts of the case's point."""
        from paramlerp.jobs import files

        point = self.results / "generations" / "neutral" / self.case
        rows = [row for path in sorted(point.glob("*.jsonl")) for row in files.read_jsonl(path)]
        return rows[:40] if self.quick else rows


def timed(work: Callable[[], dict]) -> dict:
    """The figures that `work` returns (`amount` is the number of units done), and its seconds."""
    start = time.perf_counter()
    figures = work()
    return {"seconds": time.perf_counter() - start, **figures}


def peak_flops() -> float:
    """FLOP/s of an fp32 matrix product in this process, at best; packed, too, on a CPU."""
    import torch

    from paramlerp.lm import models
    from paramlerp.lm.packing import PackedLinear

    gpu = models.device().type == "cuda"
    size = 8192 if gpu else 2048
    a = torch.randn(size, size, device=models.device())
    products = [lambda: {"product": (a @ a).sum().item()}]
    if not gpu:
        packed = PackedLinear(a, None)
        products.append(lambda: {"product": packed(a)})
    best = min(timed(product)["seconds"] for product in products for _ in range(5))
    return 2 * size**3 / best


def flops_per_token(model) -> float:
    """FLOPs of the forward pass of a token: 2 per weight of every linear layer and the LM head."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    from paramlerp.lm.packing import PackedLinear

    linear = (m for m in model.modules() if isinstance(m, nn.Linear | Conv1D | PackedLinear))
    return 2 * sum((getattr(m, "shape", None) or m.weight.shape).numel() for m in linear)


def plain_model(directory, threads: int):
    """A causal LM and its tokenizer as a user of transformers loads them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from paramlerp.lm import models

    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    return model.to(models.device()), AutoTokenizer.from_pretrained(directory)


def left_padded(tokenizer, prompts: list[dict]) -> tuple:
    """Ids and attention mask of EOS + prompt for each prompt, as `generate` expects a batch."""
    from paramlerp.lm import models

    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.eos_token
    texts = [tokenizer.eos_token + p["prompt"] for p in prompts]
    batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    batch = batch.to(models.device())
    return batch["input_ids"], batch["attention_mask"]


def our_model(directory, threads: int, **options):
    """A causal LM and its tokenizer as the workflow's jobs load them, with malloc set as there."""
    import torch

    from paramlerp.jobs import environment, runtime
    from paramlerp.lm import models

    torch.set_num_threads(threads)
    environment.quiet_transformers()
    runtime.reuse_freed_memory()
    return models.load_causal_lm(directory, **options)


def main(sides: dict[str, Callable[[Setup], dict]]) -> None:
    """Run one side and print its figures as JSON, on the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=sides)
    parser.add_argument("results", type=Path)
    parser.add_argument("case", nargs="?", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    figures = sides[a.side](Setup(a.results, a.case, a.quick, a.threads))
    print(json.dumps(figures))
