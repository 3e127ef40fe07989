"""A prefix cache: prompts are read once, and any number of rows continue each of them."""

from collections.abc import Sequence

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from ..jobs.errors import UserError
from .batching import pad


class _PreallocatedLayer(DynamicLayer):
    """A layer's keys and values in a buffer with space for `max_new_tokens` per row.

    Appending writes in place, where `DynamicLayer` copies all that came before.
    """

    def __init__(self, layer: DynamicLayer, prompts: torch.Tensor, max_new_tokens: int):
        super().__init__()
        self.dtype, self.device = layer.keys.dtype, layer.keys.device
        self.is_initialized = True
        self.length = layer.keys.shape[-2]
        self._keys = self._expand(layer.keys, prompts, max_new_tokens)
        self._values = self._expand(layer.values, prompts, max_new_tokens)
        self._update_views()

    @staticmethod
    def _expand(x: torch.Tensor, prompts: torch.Tensor, max_new_tokens: int) -> torch.Tensor:
        _, heads, length, size = x.shape
        buffer = x.new_empty(len(prompts), heads, length + max_new_tokens, size)
        buffer[:, :, :length] = x[prompts]
        return buffer

    def _update_views(self) -> None:
        self.keys = self._keys[:, :, : self.length]
        self.values = self._values[:, :, : self.length]

    def update(self, key_states, value_states, *args, **kwargs):
        end = self.length + key_states.shape[-2]
        self._keys[:, :, self.length : end] = key_states
        self._values[:, :, self.length : end] = value_states
        self.length = end
        self._update_views()
        return self.keys, self.values

    def keep(self, rows: torch.Tensor) -> None:
        self._keys, self._values = self._keys[rows], self._values[rows]
        self._update_views()


class PrefixCache:
    """The keys and values of prompts (ids), and the last hidden state of each.

    Prompts are padded on the left to `width`, the length of the longest. Raises UserError
    for models whose attention needs another cache than keys and values of all tokens.
    """

    @torch.inference_mode()
    def __init__(self, model, prompts: Sequence[Sequence[int]]):
        device = model.device
        ids = torch.from_numpy(pad(prompts, 0, left=True)).to(device)
        self.model, self.width = model, ids.shape[1]
        self.lengths = torch.tensor([len(p) for p in prompts], device=device)
        column = torch.arange(ids.shape[1], device=device)
        self.mask = column >= ids.shape[1] - self.lengths[:, None]
        output = model.base_model(
            input_ids=ids,
            attention_mask=self.mask.long(),
            position_ids=(self.mask.cumsum(-1) - 1).clamp(min=0),
            past_key_values=DynamicCache(config=model.config),
            use_cache=True,
        )
        self.hidden = output.last_hidden_state[:, -1]
        self.layers = output.past_key_values.layers
        if any(type(layer) is not DynamicLayer for layer in self.layers):
            raise UserError(f"{model.config.model_type}: only full attention can be decoded")

    def logits(self) -> torch.Tensor:
        """Logits of the first token after each prompt: (prompts, vocabulary)."""
        with torch.inference_mode():
            return self.model.get_output_embeddings()(self.hidden).float()

    def expand(
        self, prompts: torch.Tensor, max_new_tokens: int
    ) -> tuple[Cache, torch.Tensor, torch.Tensor]:
        """A cache with a row for each index in `prompts` (rows,), and space for new tokens.

        Returns it with the attention mask (rows, width) and the prompts' lengths (rows,).
        """
        layers = [_PreallocatedLayer(layer, prompts, max_new_tokens) for layer in self.layers]
        return Cache(layers=layers), self.mask[prompts], self.lengths[prompts]
