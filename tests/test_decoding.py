"""The sampler against a full sort, and the decoder against the naive loop."""

from collections import defaultdict

import numpy as np
import pytest
import torch

from conftest import tiny
from paramlerp.config import sweeps
from paramlerp.jobs.errors import UserError
from paramlerp.lm import decoding, sampling


def by_full_sort(logits: np.ndarray, u: float, top_p: float) -> int:
    """Nucleus sampling as the definition reads: sort, cut, renormalise, invert in id order."""
    p = np.exp(logits.astype(np.float64) - logits.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    cut = np.searchsorted(np.cumsum(p[order]), top_p)
    nucleus = p >= p[order[min(cut, len(p) - 1)]]
    cdf = np.cumsum(np.where(nucleus, p, 0))
    return int(np.searchsorted(cdf, u * cdf[-1], side="right"))


@pytest.mark.parametrize("top_p", [0.1, 0.9, 0.999, 1 - 1e-9, 1.0])
@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 20.0])
def test_same_numbers_same_tokens_as_a_full_sort(top_p, scale):
    """Sharp and flat distributions: nuclei inside, at and beyond the first window."""
    random = np.random.default_rng(0)
    logits = (random.standard_normal((200, 5000)) * scale).astype(np.float32)
    u = random.random(200)
    tokens = sampling.sample_top_p(torch.from_numpy(logits), torch.from_numpy(u), top_p)
    expected = [by_full_sort(row, x, top_p) for row, x in zip(logits, u, strict=True)]
    assert tokens.tolist() == expected


def test_ties_with_the_last_are_in_the_nucleus():
    logits = torch.log(torch.tensor([[0.4, 0.2, 0.2, 0.2]])).repeat(3, 1)
    u = torch.tensor([0.05, 0.55, 0.999], dtype=torch.float64)
    assert sampling.sample_top_p(logits, u, 0.5).tolist() == [0, 1, 3]


def test_frequencies_are_the_renormalised_nucleus():
    p = torch.tensor([0.05, 0.5, 0.15, 0.28, 0.02])
    u = torch.from_numpy(sampling.uniforms(0, "x", 0, 40_000))
    tokens = sampling.sample_top_p(p.log().repeat(len(u), 1), u, 0.9)
    shares = torch.bincount(tokens, minlength=5) / len(u)
    expected = torch.tensor([0, 0.5, 0.15, 0.28, 0]) / 0.93
    assert torch.allclose(shares, expected, atol=4 * 0.5 / len(u) ** 0.5)


def test_the_largest_number_below_one_stays_in_the_nucleus():
    logits = torch.randn(50, 3000, generator=torch.Generator().manual_seed(0))
    u = torch.full((50,), 1 - 2.0**-53, dtype=torch.float64)
    tokens = sampling.sample_top_p(logits, u, 0.9)
    expected = [by_full_sort(row, 1 - 2.0**-30, 0.9) for row in logits.numpy()]
    assert tokens.tolist() == expected


def test_streams_are_coupled_across_points_and_apart_otherwise():
    a = sampling.uniforms(1, "The film", 0, 8)
    assert np.array_equal(a[:4], sampling.uniforms(1, "The film", 0, 4))
    for other in [(2, "The film", 0), (1, "A film", 0), (1, "The film", 1)]:
        assert not np.array_equal(a, sampling.uniforms(*other, 8))


@torch.inference_mode()
def naive(model, prompt, stream, top_p, eos):
    """One text, one row, no cache: the whole prefix is read again for every token."""
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
    # The token whose first places in the texts differ most plays EOS: rows end at all lengths.
    places = defaultdict(set)
    for text in (text for row in endless for text in row):
        for place, token in enumerate(text.ids):
            if token not in text.ids[:place]:
                places[token].add(place)
    return model, prompts, streams, max(places, key=lambda token: len(places[token]))


def run(setting, max_rows=64):
    model, prompts, streams, eos = setting
    source = decoding.ModelLogits(model)
    return decoding.generate(source, prompts, streams, top_p=0.9, eos=eos, max_rows=max_rows)


def test_shared_prefixes_and_dropped_rows_change_nothing(setting):
    model, prompts, streams, eos = setting
    texts = run(setting)
    expected = [
        [naive(model, p, stream, 0.9, eos) for stream in own]
        for p, own in zip(prompts, streams, strict=True)
    ]
    assert texts == expected
    lengths = {len(t.ids) for row in texts for t in row if t.ended}
    assert len(lengths) > 3, "rows must end at several lengths for this test to mean anything"


@pytest.mark.parametrize("max_rows", [1, 6, 13])
def test_texts_do_not_depend_on_the_batch(setting, max_rows):
    assert run(setting, max_rows) == run(setting)


def test_samples_made_apart_are_those_made_together(kind, tokenizer):
    """A file holds some of a prompt's samples; which else are made changes none."""
    source = decoding.ModelLogits(tiny(kind, tokenizer, 3))
    prompts = [{"prompt_id": i, "prompt": p} for i, p in enumerate(["the film", "a story is"])]
    how = {"max_new_tokens": 8, "top_p": 0.9, "max_rows": 8}

    def made(samples) -> list[dict]:
        return decoding.continue_prompts(source, tokenizer, prompts, samples, how, 1)

    assert sweeps.sample_ranges(5, 2) == ["0-1", "2-3", "4-4"]
    together = made(range(5))
    apart = [row for shard in sweeps.sample_ranges(5, 2) for row in made(sweeps.sample_ids(shard))]
    assert len({row["text"] for row in together}) > 5
    assert sorted(apart, key=lambda row: (row["prompt_id"], row["sample_id"])) == together


def test_a_model_that_overflows_is_an_error(setting):
    model, *rest = setting
    broken = tiny("gpt2", range(model.config.vocab_size))
    with torch.no_grad():
        broken.transformer.ln_f.weight.fill_(float("inf"))
    with pytest.raises(UserError, match="NaN or Inf"):
        run((broken, *rest))


def test_text_alone_with_its_leading_space(tokenizer):
    prompt = [tokenizer.eos_token_id, *tokenizer("the film")["input_ids"]]
    rest = tokenizer(" is awful")["input_ids"]
    assert decoding.decode_continuation(tokenizer, prompt, rest) == " is awful"
    assert decoding.decode_continuation(tokenizer, prompt, []) == ""
