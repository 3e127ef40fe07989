"""The sampler compared with a full sort, and the decoder with a loop without batch or cache."""

import copy
from collections import defaultdict

import numpy as np
import pytest
import torch

from conftest import tiny
from paramlerp.config import sweeps
from paramlerp.jobs.errors import UserError
from paramlerp.lm import continuations, decoding, sampling, tokenization


def by_full_sort(logits: np.ndarray, numbers: np.ndarray, top_p: float) -> int:
    """Nucleus sampling by definition: sort, cut, and the least E / p, with E of each token."""
    p = np.exp(logits.astype(np.float64) - logits.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    cut = np.searchsorted(np.cumsum(p[order]), top_p)
    nucleus = p >= p[order[min(cut, len(p) - 1)]]
    return int(np.argmin(np.where(nucleus, numbers / np.maximum(p, 1e-300), np.inf)))


def numbers_of(key: int, step: int, count: int) -> np.ndarray:
    """The random numbers E of all tokens at a step, by SplitMix64 in Python's own integers."""
    numbers = []
    for token in range(count):
        z = (key + ((step << 32) + 1 + token) * 0x9E3779B97F4A7C15) % 2**64
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        numbers.append(-np.log(((z ^ (z >> 31)) // 2**12 + 0.5) / 2**52))
    return np.array(numbers)


KEYS = torch.tensor([sampling.stream_key(0, "x", sample) for sample in range(200)])


def test_random_numbers_are_those_of_splitmix64():
    ids = torch.arange(300)
    for key in (*KEYS[:3].tolist(), 0, -1, 2**63 - 1):
        for step in (0, 29):
            numbers = sampling.exponentials(torch.full((300,), key), step, ids)
            assert np.allclose(numbers, numbers_of(key, step, 300), rtol=1e-12)


def test_random_numbers_are_exponential_and_uncorrelated():
    """Over tokens, steps and samples: mean and deviation 1, and no correlation of neighbours."""
    ids = torch.arange(1000).repeat(len(KEYS))
    keys = KEYS.repeat_interleave(1000)
    first, second = (sampling.exponentials(keys, s, ids).view(-1, 1000) for s in (0, 1))
    count = first.numel()
    assert abs(first.mean() - 1) < 5 / count**0.5 and abs(first.std() - 1) < 10 / count**0.5
    pairs = [(first, second), (first[:-1], first[1:]), (first[:, :-1], first[:, 1:])]
    for a, b in pairs:
        assert abs(((a - 1) * (b - 1)).mean()) < 5 / count**0.5


@pytest.mark.parametrize("top_p", [0.1, 0.9, 0.999, 1 - 1e-9, 1.0])
@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 20.0])
def test_the_same_random_numbers_give_the_same_tokens_as_a_full_sort(top_p, scale):
    """Sharp and flat distributions, so that nuclei end inside, at and beyond the first window."""
    random = np.random.default_rng(0)
    logits = (random.standard_normal((40, 5000)) * scale).astype(np.float32)
    tokens = sampling.sample_top_p(torch.from_numpy(logits), KEYS[:40], 3, top_p)
    ids = torch.arange(5000)
    numbers = [sampling.exponentials(key.repeat(5000), 3, ids).numpy() for key in KEYS[:40]]
    expected = [by_full_sort(row, e, top_p) for row, e in zip(logits, numbers, strict=True)]
    assert tokens.tolist() == expected


def test_tokens_as_likely_as_the_last_of_the_nucleus_are_in_it():
    logits = torch.log(torch.tensor([[0.4, 0.2, 0.2, 0.2]])).repeat(len(KEYS), 1)
    assert set(sampling.sample_top_p(logits, KEYS, 0, 0.5).tolist()) == {0, 1, 2, 3}


def test_frequencies_are_the_renormalised_probabilities_of_the_nucleus():
    p = torch.tensor([0.05, 0.5, 0.15, 0.28, 0.02])
    logits = p.log().repeat(len(KEYS), 1)
    tokens = torch.cat([sampling.sample_top_p(logits, KEYS, step, 0.9) for step in range(200)])
    shares = torch.bincount(tokens, minlength=5) / len(tokens)
    expected = torch.tensor([0, 0.5, 0.15, 0.28, 0]) / 0.93
    assert torch.allclose(shares, expected, atol=4 * 0.5 / len(tokens) ** 0.5)


def test_a_token_changes_only_if_its_own_odds_do():
    """Halving the odds of one token changes the draws of that token alone, and only some."""
    logits = torch.randn(len(KEYS), 50, generator=torch.Generator().manual_seed(0))
    before = sampling.sample_top_p(logits, KEYS, 0, 1.0)
    logits[:, 7] -= np.log(2)
    after = sampling.sample_top_p(logits, KEYS, 0, 1.0)
    changed = before != after
    assert changed.any() and set(before[changed].tolist()) == {7}
    assert (after == 7).any()


def test_random_numbers_depend_on_seed_prompt_and_sample_alone():
    key = sampling.stream_key(1, "The film", 0)
    assert key == sampling.stream_key(1, "The film", 0)
    others = [(2, "The film", 0), (1, "A film", 0), (1, "The film", 1)]
    assert key not in {sampling.stream_key(*other) for other in others}


@torch.inference_mode()
def naive(model, prompt, key, top_p, ends):
    """One text at a time without cache: the model reads the complete prefix for every token."""
    ids = list(prompt)
    for step in range(LENGTH):
        logits = model(torch.tensor([ids])).logits[0, -1].numpy()
        token = by_full_sort(logits, numbers_of(int(key), step, len(logits)), top_p)
        if token in ends:
            return decoding.Continuation(ids[len(prompt) :], True)
        ids.append(token)
    return decoding.Continuation(ids[len(prompt) :], False)


LENGTH = 12


@pytest.fixture(scope="module")
def setting(kind, tokenizer):
    model = tiny(kind, tokenizer, 3)
    prompts = [[0, *range(5, 5 + n)] for n in (1, 4, 2, 7, 4)]
    keys = np.array([[sampling.stream_key(0, str(p), s) for s in range(6)] for p in prompts])
    endless = run((model, prompts, keys, ()))
    # The ends are the tokens with the most different first positions: texts end at many lengths.
    first_positions = defaultdict(set)
    for text in (text for row in endless for text in row):
        for position, token in enumerate(text.ids):
            if token not in text.ids[:position]:
                first_positions[token].add(position)
    by_positions = sorted(first_positions, key=lambda token: len(first_positions[token]))
    return model, prompts, keys, by_positions[-2:]


def run(setting, max_rows=64):
    model, prompts, keys, ends = setting
    source = decoding.ModelLogits(model)
    return decoding.generate(
        source, prompts, keys, max_new_tokens=LENGTH, top_p=0.9, ends=ends, max_rows=max_rows
    )


def test_shared_prefixes_and_dropped_rows_change_nothing(setting):
    model, prompts, keys, ends = setting
    texts = run(setting)
    expected = [
        [naive(model, p, key, 0.9, ends) for key in prompt_keys]
        for p, prompt_keys in zip(prompts, keys, strict=True)
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


def test_a_text_ends_at_every_id_that_ends_texts_and_shows_other_special_tokens(tokenizer):
    """By the tokenizer's EOS and by the generation config; the rest is in the text, and counted."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<end>", "<start>"]})
    end, start = tokenizer.convert_tokens_to_ids(["<end>", "<start>"])
    model = tiny("gpt2", tokenizer, 3)
    settings = {"max_new_tokens": 30, "top_p": 1, "max_rows": 50}

    def rows(eos_token_id) -> list[dict]:
        model.generation_config.eos_token_id = eos_token_id
        source = decoding.ModelLogits(model)
        prompt = [{"prompt_id": 0, "prompt": "the film"}]
        return decoding.continue_prompts(source, tokenizer, prompt, range(50), settings, 1)

    ends, one_end = rows([tokenizer.eos_token_id, end]), rows(tokenizer.eos_token_id)
    assert not any("<end>" in row["text"] for row in ends)
    assert sum(row["ended"] for row in ends) > sum(row["ended"] for row in one_end)
    for row in ends + one_end:
        names = row["text"].count("<start>") + row["text"].count("<end>")
        assert row["n_special"] == names
    assert any("<start>" in row["text"] for row in ends), "the sampler draws one"
    assert start != end


def test_the_name_of_a_special_token_in_a_text_is_text(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = tokenization.load_lm_tokenizer(tmp_path)
    ids = tokenization.encode(loaded, f"the {loaded.eos_token} film")
    assert ids.count(loaded.eos_token_id) == 1, "the one that begins the text"
    encoded, _ = continuations.encode_continuation(loaded, "the film", loaded.eos_token)
    assert encoded.count(loaded.eos_token_id) == 1
