"""The sampler compared with a full sort, and the decoder with a loop without batch or cache."""

from collections import defaultdict

import numpy as np
import pytest
import torch

from conftest import tiny
from paramlerp.config import sweeps
from paramlerp.jobs.errors import UserError
from paramlerp.lm import decoding, sampling


def by_full_sort(logits: np.ndarray, u: float, top_p: float) -> int:
    """Nucleus sampling by definition: sort, cut, renormalise, invert the CDF in token-id order."""
    p = np.exp(logits.astype(np.float64) - logits.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    cut = np.searchsorted(np.cumsum(p[order]), top_p)
    nucleus = p >= p[order[min(cut, len(p) - 1)]]
    cdf = np.cumsum(np.where(nucleus, p, 0))
    return int(np.searchsorted(cdf, u * cdf[-1], side="right"))


@pytest.mark.parametrize("top_p", [0.1, 0.9, 0.999, 1 - 1e-9, 1.0])
@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 20.0])
def test_the_same_random_numbers_give_the_same_tokens_as_a_full_sort(top_p, scale):
    """Sharp and flat distributions, so that nuclei end inside, at and beyond the first window."""
    random = np.random.default_rng(0)
    logits = (random.standard_normal((200, 5000)) * scale).astype(np.float32)
    u = random.random(200)
    tokens = sampling.sample_top_p(torch.from_numpy(logits), torch.from_numpy(u), top_p)
    expected = [by_full_sort(row, x, top_p) for row, x in zip(logits, u, strict=True)]
    assert tokens.tolist() == expected


def test_tokens_as_likely_as_the_last_of_the_nucleus_are_in_it():
    logits = torch.log(torch.tensor([[0.4, 0.2, 0.2, 0.2]])).repeat(3, 1)
    u = torch.tensor([0.05, 0.55, 0.999], dtype=torch.float64)
    assert sampling.sample_top_p(logits, u, 0.5).tolist() == [0, 1, 3]


def test_frequencies_are_the_renormalised_probabilities_of_the_nucleus():
    p = torch.tensor([0.05, 0.5, 0.15, 0.28, 0.02])
    u = torch.from_numpy(sampling.uniforms(0, "x", 0, 40_000))
    tokens = sampling.sample_top_p(p.log().repeat(len(u), 1), u, 0.9)
    shares = torch.bincount(tokens, minlength=5) / len(u)
    expected = torch.tensor([0, 0.5, 0.15, 0.28, 0]) / 0.93
    assert torch.allclose(shares, expected, atol=4 * 0.5 / len(u) ** 0.5)


def test_the_largest_random_number_below_one_stays_in_the_nucleus():
    logits = torch.randn(50, 3000, generator=torch.Generator().manual_seed(0))
    u = torch.full((50,), 1 - 2.0**-53, dtype=torch.float64)
    tokens = sampling.sample_top_p(logits, u, 0.9)
    expected = [by_full_sort(row, 1 - 2.0**-30, 0.9) for row in logits.numpy()]
    assert tokens.tolist() == expected


def test_random_numbers_depend_on_seed_prompt_and_sample_alone():
    a = sampling.uniforms(1, "The film", 0, 8)
    assert np.array_equal(a[:4], sampling.uniforms(1, "The film", 0, 4))
    for other in [(2, "The film", 0), (1, "A film", 0), (1, "The film", 1)]:
        assert not np.array_equal(a, sampling.uniforms(*other, 8))


@torch.inference_mode()
def naive(model, prompt, stream, top_p, eos):
    """One text at a time without cache: the model reads the complete prefix for every token."""
    ids = list(prompt)
    for u in stream:
        logits = model(torch.tensor([ids])).logits[0, -1].numpy()
        token = by_full_sort(logits, u, top_p)
        if token == eos:
            return decoding.Continuation(ids[len(prompt) :], True)
        ids.append(token)
    return decoding.Continuation(ids[len(prompt) :], False)


@pytest.fixture(scope="module")
def setting(kind, tokenizer):
    model = tiny(kind, tokenizer, 3)
    prompts = [[0, *range(5, 5 + n)] for n in (1, 4, 2, 7, 4)]
    streams = np.array([[sampling.uniforms(0, str(p), s, 12) for s in range(6)] for p in prompts])
    endless = run((model, prompts, streams, -1))
    # EOS is the token with the most different first positions, so that texts end at many lengths.
    first_positions = defaultdict(set)
    for text in (text for row in endless for text in row):
        for position, token in enumerate(text.ids):
            if token not in text.ids[:position]:
                first_positions[token].add(position)
    eos = max(first_positions, key=lambda token: len(first_positions[token]))
    return model, prompts, streams, eos


def run(setting, max_rows=64):
    model, prompts, streams, eos = setting
    source = decoding.ModelLogits(model)
    return decoding.generate(source, prompts, streams, top_p=0.9, eos=eos, max_rows=max_rows)


def test_shared_prefixes_and_dropped_rows_change_nothing(setting):
    model, prompts, streams, eos = setting
    texts = run(setting)
    expected = [
        [naive(model, p, stream, 0.9, eos) for stream in prompt_streams]
        for p, prompt_streams in zip(prompts, streams, strict=True)
    ]
    assert texts == expected
    lengths = {len(t.ids) for row in texts for t in row if t.ended}
    assert len(lengths) > 3, "the test needs rows that end at several lengths"


@pytest.mark.parametrize("max_rows", [1, 6, 13])
def test_texts_do_not_depend_on_the_batch(setting, max_rows):
    assert run(setting, max_rows) == run(setting)


def test_a_sample_does_not_depend_on_the_range_it_is_generated_in(kind, tokenizer):
    """A sample file holds a range of a prompt's samples; other ranges give the same samples."""
    source = decoding.ModelLogits(tiny(kind, tokenizer, 3))
    prompts = [{"prompt_id": i, "prompt": p} for i, p in enumerate(["the film", "a story is"])]
    settings = {"max_new_tokens": 8, "top_p": 0.9, "max_rows": 8}

    def generate(samples) -> list[dict]:
        return decoding.continue_prompts(source, tokenizer, prompts, samples, settings, 1)

    ranges = sweeps.sample_ranges(5, 2)
    assert ranges == ["0-1", "2-3", "4-4"]
    together = generate(range(5))
    apart = [row for ids in ranges for row in generate(sweeps.sample_ids(ids))]
    assert len({row["text"] for row in together}) > 5
    assert sorted(apart, key=lambda row: (row["prompt_id"], row["sample_id"])) == together


def test_a_model_that_overflows_is_an_error(setting):
    model, *rest = setting
    broken = tiny("gpt2", range(model.config.vocab_size))
    with torch.no_grad():
        broken.transformer.ln_f.weight.fill_(float("inf"))
    with pytest.raises(UserError, match="NaN or Inf"):
        run((broken, *rest))


def test_a_decoded_continuation_keeps_its_leading_space_without_the_prompt(tokenizer):
    prompt = [tokenizer.eos_token_id, *tokenizer("the film")["input_ids"]]
    rest = tokenizer(" is awful")["input_ids"]
    assert decoding.decode_continuation(tokenizer, prompt, rest) == " is awful"
    assert decoding.decode_continuation(tokenizer, prompt, []) == ""
