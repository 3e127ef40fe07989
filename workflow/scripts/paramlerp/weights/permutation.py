"""Permuted copies of a model: the same function, hidden units and heads in another order.

The order of a layer's hidden units is arbitrary: permute them in the matrix that computes
them and in the matrix that reads them, and the function stays the same (Entezari et al. 2022,
Ainsworth et al. 2022). The same holds for attention heads within a group that shares keys and
values, and for the groups. The weights of a model and of its permuted copy are far apart,
though both compute the same function.
"""

import numpy as np
import torch

from ..jobs.errors import UserError
from ..jobs.seeds import generator
from .checkpoints import LAYER

_LLAMA = {
    "mlp.gate_proj.weight": (0, "units"),
    "mlp.up_proj.weight": (0, "units"),
    "mlp.gate_proj.bias": (0, "units"),
    "mlp.up_proj.bias": (0, "units"),
    "mlp.down_proj.weight": (1, "units"),
    "self_attn.q_proj.weight": (0, "heads"),
    "self_attn.k_proj.weight": (0, "groups"),
    "self_attn.v_proj.weight": (0, "groups"),
    "self_attn.q_proj.bias": (0, "heads"),
    "self_attn.k_proj.bias": (0, "groups"),
    "self_attn.v_proj.bias": (0, "groups"),
    "self_attn.o_proj.weight": (1, "heads"),
}
#: model type -> parameter's name in its layer -> (the axis to permute, what lies along it)
AXES = {
    "gpt2": {
        "mlp.c_fc.weight": (1, "units"),
        "mlp.c_fc.bias": (0, "units"),
        "mlp.c_proj.weight": (0, "units"),
        "attn.c_attn.weight": (1, "queries, keys, values"),
        "attn.c_attn.bias": (0, "queries, keys, values"),
        "attn.c_proj.weight": (0, "heads"),
    },
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
}


@torch.no_grad()
def permute(model, *seed) -> None:
    """Permute the hidden units and heads of every layer in place, in a new order per layer.

    Raises UserError for a model type that is not in `AXES`.
    """
    config = model.config
    if config.model_type not in AXES:
        raise UserError(
            f"model type {config.model_type!r} cannot be permuted; known: {', '.join(AXES)}"
        )
    axes = AXES[config.model_type]
    for name, tensor in model.named_parameters():
        match = LAYER.search(name)
        if match and match[2] in axes:
            axis, content = axes[match[2]]
            order = _order(config, content, tensor.shape[axis], *seed, match[1])
            tensor.copy_(tensor.index_select(axis, order.to(tensor.device)))


def _order(config, content: str, size: int, *seed) -> torch.Tensor:
    """For each new index along an axis of `size` with such content, the old index."""
    if content == "units":
        return torch.from_numpy(generator(*seed, "units").permutation(size))
    heads = config.num_attention_heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    random = generator(*seed, "heads")
    order = random.permutation(groups)
    if content != "groups":  # heads stay in their group, in a new order in each group
        within = random.permuted(np.tile(np.arange(heads // groups), (groups, 1)), axis=1)
        order = (order[:, None] * (heads // groups) + within).flatten()
    parts = 3 if content == "queries, keys, values" else 1
    indices = torch.arange(size).view(parts, len(order), -1)
    return indices[:, torch.from_numpy(order)].flatten()
