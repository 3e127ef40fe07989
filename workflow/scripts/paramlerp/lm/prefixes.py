"""Prompts read once, and gone on from by many rows."""

from collections.abc import Sequence

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from ..jobs.errors import UserError
from .batching import pad


class _Rows(DynamicLayer):
    """Keys and values of many rows in one buffer with room for what is to come.

    Appending writes in place instead of copying all that went before.
    """

    def __init__(self, layer: DynamicLayer, which: torch.Tensor, room: int):
        super().__init__()
        self.dtype, self.device = layer.keys.dtype, layer.keys.device
        self.is_initialized = True
        self.length = layer.keys.shape[-2]
        self._keys, self._values = (self._take(x, which, room) for x in (layer.keys, layer.values))
        self._view()

    @staticmethod
    def _take(x: torch.Tensor, which: torch.Tensor, room: int) -> torch.Tensor:
        _, heads, length, size = x.shape
        buffer = x.new_empty(len(which), heads, length + room, size)
        buffer[:, :, :length] = x[which]
        return buffer

    def _view(self) -> None:
        self.keys = self._keys[:, :, : self.length]
        self.values = self._values[:, :, : self.length]

    def update(self, key_states, value_states, *args, **kwargs):
        end = self.length + key_states.shape[-2]
        self._keys[:, :, self.length : end] = key_states
        self._values[:, :, self.length : end] = value_states
        self.length = end
        self._view()
        return self.keys, self.values

    def keep(self, rows: torch.Tensor) -> None:
        self._keys, self._values = self._keys[rows], self._values[rows]
        self._view()


class Prefixes:
    """Keys and values of prompts (ids), and the hidden state behind each.

    `width` is the longest prompt's length, to which all are padded at the left. Raises
    UserError if the model attends in a way that has no plain cache.
    """

    @torch.inference_mode()
    def __init__(self, model, prompts: Sequence[Sequence[int]]):
        device = model.device
        ids = torch.from_numpy(pad(prompts, 0, left=True)).to(device)
        self.model, self.width = model, ids.shape[1]
        self.lengths = torch.tensor([len(p) for p in prompts], device=device)
        place = torch.arange(ids.shape[1], device=device)
        self.mask = place >= ids.shape[1] - self.lengths[:, None]
        out = model.base_model(
            input_ids=ids,
            attention_mask=self.mask.long(),
            position_ids=(self.mask.cumsum(-1) - 1).clamp(min=0),
            past_key_values=DynamicCache(config=model.config),
            use_cache=True,
        )
        self.hidden = out.last_hidden_state[:, -1]
        self.layers = out.past_key_values.layers
        if any(type(layer) is not DynamicLayer for layer in self.layers):
            raise UserError(f"{model.config.model_type}: only full attention can be decoded")

    def logits(self) -> torch.Tensor:
        """Of the token after each prompt: (prompts, vocabulary)."""
        with torch.inference_mode():
            return self.model.get_output_embeddings()(self.hidden).float()

    def rows(self, which: torch.Tensor, room: int) -> tuple[Cache, torch.Tensor, torch.Tensor]:
        """A cache with a row for each prompt of `which`, its mask, and the rows' lengths."""
        cache = Cache(layers=[_Rows(layer, which, room) for layer in self.layers])
        return cache, self.mask[which], self.lengths[which]
