"""A model's twin: the same function, its hidden units and heads in another order.

The order of a layer's hidden units is arbitrary: permute them in the matrix that makes
them and in the one that reads them, and nothing changes (Entezari et al. 2022, Ainsworth
et al. 2022). So with attention heads within the group that shares keys and values, and
with the groups. Between a model and its twin the weights are far apart, though they
compute the same.
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
#: model type -> a tensor's name in its layer -> an axis, and what lies along it
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
    """Permute hidden units and heads of every layer in place, each layer by orders of its own.

    Raises UserError for a model type that `AXES` does not describe.
    """
    config = model.config
    if config.model_type not in AXES:
        raise UserError(
            f"model type {config.model_type!r} cannot be permuted; known: {', '.join(AXES)}"
        )
    axes = AXES[config.model_type]
    for name, tensor in model.named_parameters():
        found = LAYER.search(name)
        if found and found[2] in axes:
            axis, what = axes[found[2]]
            order = _order(config, what, tensor.shape[axis], *seed, found[1])
            tensor.copy_(tensor.index_select(axis, order.to(tensor.device)))


def _order(config, what: str, size: int, *seed) -> torch.Tensor:
    """Which index of old comes to each place along an axis of `size`."""
    if what == "units":
        return torch.from_numpy(generator(*seed, "units").permutation(size))
    heads = config.num_attention_heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    random = generator(*seed, "heads")
    order = random.permutation(groups)
    if what != "groups":  # heads, group by group, each group in an order of its own
        within = random.permuted(np.tile(np.arange(heads // groups), (groups, 1)), axis=1)
        order = (order[:, None] * (heads // groups) + within).flatten()
    parts = 3 if what == "queries, keys, values" else 1
    places = torch.arange(size).view(parts, len(order), -1)
    return places[:, torch.from_numpy(order)].flatten()
