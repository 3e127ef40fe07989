"""HF sequence classifiers: training one, scoring texts with one, judging one."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ..lm.batching import by_length, pad
from ..lm.likelihood import batch_tokens


def encode_all(tokenizer, texts: Sequence[str], max_tokens: int | None) -> list[list[int]]:
    """Ids with the classifier's own special tokens, cut to `max_tokens` (None: whole)."""
    if not texts:
        return []
    cut = {"truncation": True, "max_length": max_tokens} if max_tokens else {}
    return tokenizer(list(texts), **cut)["input_ids"]


def logits_of(model, sequences: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
    """(texts, labels); differentiable."""
    ids = torch.from_numpy(pad(sequences, pad_id))
    lengths = torch.tensor([len(s) for s in sequences])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    return model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits


def label_loss(model, sequences, labels: Sequence[int], pad_id: int) -> torch.Tensor:
    """Mean cross-entropy of the labels."""
    target = torch.tensor(labels, device=model.device)
    return cross_entropy(logits_of(model, sequences, pad_id), target)


@torch.inference_mode()
def probabilities(
    model, tokenizer, texts: Sequence[str], max_tokens: int, progress=lambda done: None
):
    """P(label | text): (texts, labels) float64."""
    sequences = encode_all(tokenizer, texts, max_tokens)
    out, done = np.empty((len(texts), model.config.num_labels)), 0
    for batch in by_length([len(s) for s in sequences], batch_tokens()):
        logits = logits_of(model, [sequences[i] for i in batch], tokenizer.pad_token_id)
        out[batch] = logits.double().softmax(-1).cpu().numpy()
        done += len(batch)
        progress(done)
    return out
