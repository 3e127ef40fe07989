"""Losses of whole texts: their NLL under a model, and the KL divergence of two models on them."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import kl_div

from ..jobs.errors import NotFiniteError
from .ensembles import mix
from .likelihood import HEAD_ROWS, hidden_states, map_batches, nll_of_sequences
from .models import clip_to_context
from .tokenization import encode

#: a text's set, its index there, and its document
Key = tuple[str, int, str]


def measure_losses(
    model,
    tokenizer,
    texts: dict[str, list[dict]],
    max_tokens: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict]:
    """NLL in nats of texts by the name of their set.

    `texts` has rows with the keys `text` and `document`. Returns rows of text (the name of the
    set), text_id, document, nll (the sum over the text's n_tokens tokens) and n_tokens; the last
    token is EOS. Texts are cut to `max_tokens`, or to the model's context if it is shorter.
    Raises NotFiniteError if a sum is NaN or Inf.
    """
    keys, sequences = _encode_sets(tokenizer, texts, clip_to_context(model, max_tokens))
    return _rows(keys, "nll", nll_of_sequences(model, sequences, progress))


def measure_divergence(
    models: list,
    coefficients: list[float],
    other,
    tokenizer,
    texts: dict[str, list[dict]],
    max_tokens: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict]:
    """KL(ensemble || other) in nats of the next token, summed over each text.

    Returns the rows of `measure_losses`, with kl in place of nll, and raises the same error.
    """
    keys, sequences = _encode_sets(tokenizer, texts, clip_to_context(other, max_tokens))
    parts = divergence_of_sequences(models, coefficients, other, sequences, progress)
    return _rows(keys, "kl", parts)


def divergence_of_sequences(
    models,
    coefficients,
    other,
    sequences,
    progress: Callable[[int], None] = lambda done: None,
) -> list[np.ndarray]:
    """KL(p || q) in nats at each token but the first: a 1-d array per sequence.

    p is the ensemble's distribution of the next token, softmax(sum_i c_i z_i) over `models`;
    q is the distribution of the model `other`.
    """

    def measure(batch: list[int]) -> tuple[torch.Tensor, list[int]]:
        chosen = [sequences[i] for i in batch]
        states = [hidden_states(model, chosen) for model in (*models, other)]
        heads = [model.get_output_embeddings() for model in (*models, other)]
        pieces = []
        # Logits of all models are in memory at once, hence fewer rows of each.
        for rows in zip(*(hidden.split(HEAD_ROWS // 4) for hidden, _, _ in states), strict=True):
            *members, q = (head(h).float() for head, h in zip(heads, rows, strict=True))
            p = mix(coefficients, members).log_softmax(-1)
            pieces.append(kl_div(q.log_softmax(-1), p, reduction="none", log_target=True).sum(-1))
        return torch.cat(pieces), states[0][2]

    return map_batches(measure, sequences, progress)


def _encode_sets(
    tokenizer, texts: dict[str, list[dict]], max_tokens: int
) -> tuple[list[Key], list[list[int]]]:
    """The texts' keys and their ids with EOS at both ends, cut to `max_tokens`."""
    keys = [
        (name, i, row["document"]) for name, rows in texts.items() for i, row in enumerate(rows)
    ]
    members = [row["text"] for rows in texts.values() for row in rows]
    return keys, [encode(tokenizer, text, end=True)[:max_tokens] for text in members]


def _rows(keys: list[Key], column: str, parts: list[np.ndarray]) -> list[dict]:
    """A row per text: its key, the sum of its part under `column`, and its n_tokens."""
    sums = [float(part.sum(dtype="float64")) for part in parts]
    if not np.isfinite(sums).all():
        raise NotFiniteError("the model's losses hold NaN or Inf")
    return [
        {"text": name, "text_id": i, "document": document, column: total, "n_tokens": len(part)}
        for (name, i, document), total, part in zip(keys, sums, parts, strict=True)
    ]
