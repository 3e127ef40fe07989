"""FLOPs of a training step and the peak FLOP/s of a device; their ratio is the utilisation."""

import time

import torch

from ..lm.models import device

#: dense bf16 FLOP/s by the maker's data sheet, by a part of the device's name
PEAKS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12, "A10G": 70e12}


def flops_per_token(model, length: int) -> float:
    """FLOPs of a training step per token, in blocks of `length` tokens:
    6 N + 12 x layers x width x length (PaLM, Chowdhery et al. 2022).

    N is the number of parameters in matrix products. An embedding table is only looked up, so
    it counts only if it is the LM head as well.
    """
    head = model.get_output_embeddings().weight
    tables = [m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    looked_up = sum(t.numel() for t in tables if t is not head)
    multiplied = sum(p.numel() for p in model.parameters()) - looked_up
    config = model.config
    return 6 * multiplied + 12 * config.num_hidden_layers * config.hidden_size * length


def has_bf16() -> bool:
    """Whether the device computes in bf16 natively, not by emulation."""
    return device().type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def peak_flops() -> float:
    """FLOP/s of one device: a GPU's by its data sheet, else the rate of a matrix product here."""
    gpu = device().type == "cuda"
    name = torch.cuda.get_device_name() if gpu else ""
    for part, peak in PEAKS.items():
        if part in name:
            return peak
    size, dtype = 4096 if gpu else 1024, torch.bfloat16 if has_bf16() else torch.float32
    a = torch.randn(size, size, device=device(), dtype=dtype)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        (a @ a).sum().item()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)
