"""Ensembles: weighted sums of logits, decoded by the same decoder as one model."""

from decimal import Decimal

import numpy as np
import pytest
import torch

from conftest import SCHEMES, save, tiny
from paramlerp.jobs import files
from paramlerp.lm import decoding, ensembles, models, sampling, text_losses, tokenization
from paramlerp.weights import merging
from test_decoding import by_full_sort
from texts import ensemble

PROMPTS = [{"prompt_id": i, "prompt": p} for i, p in enumerate(["the film", "a story is", "her"])]
SAMPLES = list(range(6))
SETTINGS = {"max_new_tokens": 10, "top_p": 0.9, "max_rows": 12}


def texts(trio, alpha, *, truncated=False):
    scheme = SCHEMES["truncated_ensemble" if truncated else "ensemble"]
    coefficients = scheme.coefficients(alpha)
    return ensemble.main(trio, coefficients, scheme.nucleus_of, PROMPTS, SAMPLES, SETTINGS, 1)


def texts_of_checkpoint(directory):
    model, tokenizer = models.load_causal_lm(directory)
    source = decoding.ModelLogits(model)
    return decoding.continue_prompts(source, tokenizer, PROMPTS, SAMPLES, SETTINGS, 1)


def test_at_alpha_0_the_ensemble_is_the_base_model(trio):
    """Token for token. Truncated too: the sampler then draws from the base model's nucleus."""
    assert texts(trio, "0") == texts_of_checkpoint(trio["base"])
    assert texts(trio, "0", truncated=True) == texts_of_checkpoint(trio["base"])


def test_the_ensemble_s_logits_are_the_weighted_sum(trio):
    """Compared with three forward passes over the complete prefix, at each step, as rows end."""
    loaded = [models.load_causal_lm(trio[n])[0] for n in ("base", "positive", "negative")]
    source = decoding.EnsembleLogits([decoding.ModelLogits(m) for m in loaded], [1.0, 1.5, -1.5])
    prompts = [[0, 5, 6], [0, 7]]
    steps = [source.prefill(prompts, 1, 4), source.step(torch.tensor([9, 11]))]
    source.keep(torch.tensor([1]))
    steps.append(source.step(torch.tensor([12])))
    prefixes = [prompts, [[0, 5, 6, 9], [0, 7, 11]], [[0, 7, 11, 12]]]
    for logits, rows in zip(steps, prefixes, strict=True):
        for row, ids in zip(logits, rows, strict=True):
            with torch.inference_mode():
                z, p, n = (m(torch.tensor([ids])).logits[0, -1] for m in loaded)
            assert torch.allclose(row, z + 1.5 * (p - n), atol=1e-4)


@pytest.mark.parametrize("scale", [0.5, 3.0, 20.0])
def test_truncation_keeps_the_nucleus_of_the_base(scale):
    random = np.random.default_rng(0)
    base, z = (random.standard_normal((2, 60, 5000)) * scale).astype(np.float32)
    out = sampling.truncate(torch.from_numpy(z), torch.from_numpy(base), 0.9).numpy()
    for truncated, row, logits in zip(out, base, z, strict=True):
        p = np.exp(row.astype(float) - row.max())
        p = np.sort(p / p.sum())[::-1]
        size = int(np.searchsorted(np.cumsum(p), 0.9)) + 1
        nucleus = np.argsort(-row, kind="stable")[:size]
        assert set(np.flatnonzero(np.isfinite(truncated))) == set(nucleus)
        assert np.array_equal(truncated[nucleus], logits[nucleus])


def test_truncated_logits_are_sampled_without_a_second_top_p():
    random = np.random.default_rng(1)
    base, z = random.standard_normal((2, 400, 5000)).astype(np.float32)
    out = sampling.truncate(torch.from_numpy(z), torch.from_numpy(base), 0.5)
    keys, ids = torch.arange(400), torch.arange(5000)
    tokens = sampling.sample_top_p(out, keys, 0, 1)
    numbers = [sampling.exponentials(key.repeat(5000), 0, ids).numpy() for key in keys]
    expected = [by_full_sort(row, e, 1) for row, e in zip(out.numpy(), numbers, strict=True)]
    assert tokens.tolist() == expected


def test_the_nucleus_is_that_of_the_named_model_even_if_its_weight_is_zero(trio):
    """`EnsembleLogits` takes the first model's nucleus. Other models of weight 0 are not loaded."""
    coefficients = {"positive": Decimal(2), "negative": Decimal(-1), "base": Decimal(0)}
    loaded, weights, _ = ensembles.load(trio, coefficients, "base")
    assert weights == [0, 2, -1]
    ids = torch.tensor([[0, 5, 6]])
    for model, name in zip(loaded, ("base", "positive", "negative"), strict=True):
        expected, _ = models.load_causal_lm(trio[name])
        with torch.inference_mode():
            assert torch.equal(model(ids).logits, expected(ids).logits)
    loaded, weights, _ = ensembles.load(trio, coefficients)
    assert len(loaded) == 2 and weights == [2, -1]
    loaded, weights, _ = ensembles.load(trio, coefficients, "negative")
    assert weights == [-1, 2]


def test_where_logits_are_linear_in_the_weights_g2_is_the_ensemble(tokenizer, tmp_path):
    """The experts differ from the base only in the untied output matrix."""
    base = tiny("llama", tokenizer, 0, tie_word_embeddings=False)
    trio = {"base": save(base, tokenizer, tmp_path / "base")}
    for i, name in enumerate(("positive", "negative"), 1):
        with torch.no_grad():
            base.lm_head.weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(i))
        trio[name] = save(base, tokenizer, tmp_path / name)
    loaded = [models.load_causal_lm(trio[name])[0] for name in trio]
    sequences = [
        tokenization.encode(tokenizer, t, end=True) for t in ("the film is dull", "a story")
    ]
    for alpha in ("-2", "-0.5", "0.3", "1", "4"):
        coefficients = SCHEMES["g2"].coefficients(alpha)
        folder = tmp_path / alpha
        merging.write_merged("g2", alpha, coefficients, trio, folder)
        merged, _ = models.load_causal_lm(folder)
        weights = [float(c) for c in coefficients.values()]
        for kl in text_losses.divergence_of_sequences(loaded, weights, merged, sequences):
            assert abs(kl).max() < 1e-5, alpha
        assert texts(trio, alpha) == texts_of_checkpoint(folder), alpha


def test_the_divergence_is_that_of_kullback_and_leibler(trio, tokenizer):
    """Each token's value by the definition in float64. A model's divergence from itself is 0."""
    loaded = [models.load_causal_lm(trio[n])[0] for n in ("base", "positive", "negative")]
    sequences = [
        tokenization.encode(tokenizer, t, end=True) for t in ("the film is dull", "a story")
    ]
    divergences = text_losses.divergence_of_sequences(loaded, [1, 0.5, -0.5], loaded[1], sequences)
    for ids, kl in zip(sequences, divergences, strict=True):
        with torch.inference_mode():
            z, p, n = (m(torch.tensor([ids])).logits[0, :-1].double() for m in loaded)
        log_p = (z + 0.5 * (p - n)).log_softmax(-1)
        expected = (log_p.exp() * (log_p - p.log_softmax(-1))).sum(-1)
        assert kl == pytest.approx(expected.numpy(), rel=1e-3, abs=1e-5)
    for kl in text_losses.divergence_of_sequences(loaded[:1], [1], loaded[0], sequences):
        assert abs(kl).max() < 1e-6


def test_a_sample_file_has_one_line_for_each_prompt_and_sample(trio, tmp_path):
    rows = texts(trio, "0.5")
    files.write_jsonl(tmp_path / "x.jsonl", rows)
    assert files.read_jsonl(tmp_path / "x.jsonl") == rows
    assert [(r["prompt_id"], r["sample_id"]) for r in rows[:7]] == [(0, s) for s in range(6)] + [
        (1, 0)
    ]
