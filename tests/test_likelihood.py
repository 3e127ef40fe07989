"""NLL and perplexity compared with the loss that transformers computes."""

import math

import numpy as np
import pytest
import torch

from conftest import GOOD, sentences, tiny
from paramlerp.lm import batching, continuations, likelihood
from paramlerp.lm.tokenization import encode


@pytest.fixture(scope="module")
def model(kind, tokenizer):
    return tiny(kind, tokenizer)


@pytest.fixture(scope="module")
def sequences(tokenizer):
    texts = [s[: 5 + 3 * i] for i, s in enumerate(sentences(GOOD)[:23])]
    return [encode(tokenizer, text, end=True) for text in texts]


def test_mean_nll_is_the_loss_of_transformers(model, sequences):
    for ids, nll in zip(sequences, likelihood.nll_of_sequences(model, sequences), strict=True):
        batch = torch.tensor([ids])
        assert nll.mean() == pytest.approx(model(batch, labels=batch).loss.item(), rel=1e-5)


def test_the_gradient_is_that_of_transformers(model, sequences):
    """Training on a padded batch equals training on its sequences one by one."""
    likelihood.token_nll(model, sequences[:6])[0].sum().backward()
    ours = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    for ids in sequences[:6]:
        batch = torch.tensor([ids])
        (model(batch, labels=batch).loss * (len(ids) - 1)).backward()
    for gradient, parameter in zip(ours, model.parameters(), strict=True):
        assert torch.allclose(gradient, parameter.grad, atol=1e-3, rtol=1e-3)
    model.zero_grad()


def test_a_continuation_of_no_tokens_has_no_nll(model, tokenizer):
    ids, start = continuations.encode_continuation(tokenizer, "the film", "")
    (part,) = continuations.continuation_nll(model, [ids], [start])
    assert len(part) == 0


@pytest.mark.parametrize(
    ("prompt", "text"),
    [("the film", " is awful"), ("the fil", "m is awful"), ("the", " film"), ("", "the film")],
)
def test_text_is_split_from_its_prompt_by_characters(tokenizer, prompt, text):
    """A token that straddles the boundary belongs to the text."""
    ids, start = continuations.encode_continuation(tokenizer, prompt, text)
    assert ids[0] == tokenizer.eos_token_id
    assert tokenizer.decode(ids[1:]) == prompt + text
    decoded = tokenizer.decode(ids[start:])
    assert decoded.endswith(text.strip())
    assert not tokenizer.decode(ids[start + 1 :]).endswith(text)


def test_perplexity_weighs_tokens(model, tokenizer):
    texts = ["the film is awful", "a joy"]
    ids = [encode(tokenizer, t) for t in texts]
    parts = likelihood.nll_of_sequences(model, ids)
    expected = math.exp(sum(p.sum() for p in parts) / sum(map(len, parts)))
    assert likelihood.perplexity(model, tokenizer, texts) == pytest.approx(expected)


def test_test_text_and_generated_text_have_one_perplexity(model, tokenizer):
    """The separator that ends a text is part of neither: exp of the mean NLL of its tokens."""
    text = "the film is awful"
    ids, start = continuations.encode_continuation(tokenizer, "", text)
    (generated,) = continuations.continuation_nll(model, [ids], [start])
    assert len(generated) == len(tokenizer(text)["input_ids"])
    expected = math.exp(generated.mean())
    assert likelihood.perplexity(model, tokenizer, [text]) == pytest.approx(expected, rel=1e-4)


def test_batches_by_length_contain_every_text_once_and_keep_the_limit():
    lengths = np.random.default_rng(0).integers(1, 50, 300).tolist()
    batches = list(batching.batches_by_length(lengths, 128))
    assert sorted(i for b in batches for i in b) == list(range(300))
    assert all(max(lengths[i] for i in b) * len(b) <= 128 or len(b) == 1 for b in batches)


def test_training_batches_are_full_use_all_texts_equally_and_group_similar_lengths():
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    batches = batching.training_batches(lengths, size=8, steps=200, seed=1)
    assert batches == batching.training_batches(lengths, size=8, steps=200, seed=1)
    assert batches != batching.training_batches(lengths, size=8, steps=200, seed=2)
    assert len(batches) == 200 and all(len(b) == 8 for b in batches)
    seen = np.bincount([i for b in batches for i in b], minlength=500)
    assert seen.min() >= 3 and seen.max() <= 4  # 1600 draws of 500, epoch by epoch
    padded = sum(max(lengths[i] for i in b) * 8 for b in batches)
    real = sum(lengths[i] for b in batches for i in b)
    assert real / padded > 0.85
    longest = [max(lengths[i] for i in b) for b in batches]
    assert abs(np.corrcoef(longest, range(200))[0, 1]) < 0.2, "batches are not ordered by length"


@pytest.mark.parametrize("tokens", [8, 40, 512])
def test_a_prefix_cache_changes_no_nll(model, sequences, monkeypatch, tokens):
    """Prompts of several lengths, shared or not; texts of zero, one and many tokens; any batch."""
    monkeypatch.setattr(continuations, "tokens_per_batch", lambda: tokens)
    repeated = [ids for ids in sequences for _ in range(2)] + [sequences[-1][:4]] * 2
    starts = [min(1 + i % 5, len(ids)) for i, ids in enumerate(repeated)]
    starts[-2:] = [4, 3]
    progress = []
    parts = continuations.continuation_nll(model, repeated, starts, progress.append)
    lengths = [len(ids) - start for ids, start in zip(repeated, starts, strict=True)]
    assert [len(p) for p in parts] == lengths
    for ids, start, part in zip(repeated, starts, parts, strict=True):
        expected = likelihood.nll_of_sequences(model, [ids])[0][start - 1 :]
        assert part == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert progress == sorted(progress) and progress[-1] == len(repeated)
