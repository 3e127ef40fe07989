"""HF sequence classifiers: encoding texts, the loss that trains one, and its probabilities."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ..lm.batching import batches_by_length, pad
from ..lm.likelihood import tokens_per_batch


def encode(tokenizer, texts: Sequence[str], max_tokens: int | None) -> list[list[int]]:
    """Token ids of each text with special tokens, truncated to `max_tokens` (None: not at all)."""
    if not texts:
        return []
    truncation = {"truncation": True, "max_length": max_tokens} if max_tokens else {}
    return tokenizer(list(texts), **truncation)["input_ids"]


def label_logits(model, sequences: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
    """Logits (sequences, labels), with gradients, of one padded batch of token ids."""
    ids = torch.from_numpy(pad(sequences, pad_id))
    lengths = torch.tensor([len(s) for s in sequences])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    return model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits


def label_loss(
    model, sequences: Sequence[Sequence[int]], labels: Sequence[int], pad_id: int
) -> torch.Tensor:
    """Mean cross-entropy of `labels`, the index of the label of each sequence."""
    target = torch.tensor(labels, device=model.device)
    return cross_entropy(label_logits(model, sequences, pad_id), target)


@torch.inference_mode()
def probabilities(
    model,
    tokenizer,
    texts: Sequence[str],
    max_tokens: int,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """P(label | text): (texts, labels) in float64. `progress` gets the number of texts done."""
    sequences = encode(tokenizer, texts, max_tokens)
    p, done = np.empty((len(texts), model.config.num_labels)), 0
    for batch in batches_by_length([len(s) for s in sequences], tokens_per_batch()):
        logits = label_logits(model, [sequences[i] for i in batch], tokenizer.pad_token_id)
        p[batch] = logits.double().softmax(-1).cpu().numpy()
        done += len(batch)
        progress(done)
    return p
