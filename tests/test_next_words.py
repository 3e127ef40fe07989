"""Probabilities of next words, their trends along alpha, and the labels of their curves."""

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import save, tiny
from paramlerp.drawing import curves
from paramlerp.jobs.errors import UserError
from paramlerp.lm import models, tokenization
from scores import next_words
from tables import next_words_table

PROMPT = "this movie is"


def test_a_word_has_the_product_of_its_tokens_probabilities(trio):
    """Compared with the full softmax, token by token, for words of one token and of several."""
    words = {
        "positive": ["wonderful", "superb", "moving and funny"],
        "negative": ["zebra", "awful"],
    }
    frame = pd.DataFrame(next_words.main(trio["base"], PROMPT, words, "tone"))
    assert frame["word"].tolist() == [*words["positive"], *words["negative"]]
    assert frame["pole"].tolist() == ["positive"] * 3 + ["negative"] * 2
    model, tokenizer = models.load_causal_lm(trio["base"])
    prompt_ids = tokenization.encode(tokenizer, PROMPT)
    for row in frame.itertuples():
        ids = tokenizer(f" {row.word}", add_special_tokens=False)["input_ids"]
        nll, context = 0.0, list(prompt_ids)
        for token in ids:
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([context])).logits[0, -1].double()
            nll -= float(logits.log_softmax(-1)[token])
            context.append(token)
        assert row.n_tokens == len(ids)
        assert row.nll == pytest.approx(nll, abs=1e-4)
    assert frame["n_tokens"].max() > 1 and frame["n_tokens"].min() == 1


def test_words_of_one_token_have_the_probabilities_of_one_softmax(trio):
    model, tokenizer = models.load_causal_lm(trio["base"])
    singles = [w for w in tokenizer.get_vocab() if w.startswith("Ġ") and w[1:].isalpha()]
    words = {"positive": [w[1:] for w in singles], "negative": []}
    frame = pd.DataFrame(next_words.main(trio["base"], PROMPT, words, "tone"))
    with torch.inference_mode():
        ids = torch.tensor([tokenization.encode(tokenizer, PROMPT)])
        p = model(input_ids=ids).logits[0, -1].softmax(-1)
    expected = [float(p[tokenizer.convert_tokens_to_ids(w)]) for w in singles]
    np.testing.assert_allclose(np.exp(-frame["nll"]), expected, rtol=1e-3)


def test_a_word_that_the_tokenizer_merges_with_the_prompt_is_refused(tmp_path):
    """A tokenizer of whole strings has no token for a word alone."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<eos>": 0, PROMPT: 1, f"{PROMPT} good": 2}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="<eos>"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("$^"), "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>")
    save(tiny("gpt2", tokenizer), tokenizer, tmp_path / "model")
    with pytest.raises(
        UserError,
        match=r"attributes\.tone\.next_words\.words\.positive: 'good' is no token or tokens of",
    ):
        next_words.main(
            tmp_path / "model", PROMPT, {"positive": ["good"], "negative": ["bad"]}, "tone"
        )


def test_a_word_that_the_tokenizer_does_not_know_is_refused(tmp_path):
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(WordLevel({w: i for i, w in enumerate(["<unk>", "<eos>", *PROMPT.split()])}))
    raw.model.unk_token = "<unk>"
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", unk_token="<unk>")
    save(tiny("gpt2", tokenizer), tokenizer, tmp_path / "model")
    with pytest.raises(UserError, match=r"has no tokens for 'good'"):
        next_words.main(
            tmp_path / "model", PROMPT, {"positive": ["good"], "negative": ["bad"]}, "tone"
        )


def write_files(folder, probabilities: dict[str, dict]) -> list[str]:
    """Write files as next_words does, from alpha -> (pole, word) -> probability."""
    paths = []
    for alpha, words in probabilities.items():
        rows = [
            {"pole": pole, "word": word, "n_tokens": 1, "nll": -np.log(p)}
            for (pole, word), p in words.items()
        ]
        paths.append(str(folder / f"{alpha}.csv"))
        pd.DataFrame(rows).to_csv(paths[-1], index=False)
    return paths


def test_trends(tmp_path):
    """Slopes are of ln P between the experts; a word with a step the wrong way is not monotone."""
    good, meh, bad = ("positive", "good"), ("positive", "null"), ("negative", "bad")
    probabilities = {
        "-1.000": {good: 0.5, meh: 0.1, bad: 0.2},
        "0.000": {good: 0.1, meh: 0.1, bad: 0.4},
        "0.500": {good: 0.2, meh: 0.3, bad: 0.2},
        "1.000": {good: 0.4, meh: 0.2, bad: 0.1},
    }
    paths = write_files(tmp_path, probabilities)
    words, trends = next_words_table.main("alpha", list(probabilities), paths, "positive")
    assert list(words.columns) == ["alpha", "pole", "word", "n_tokens", "probability"]
    assert words.query("word == 'good'")["probability"].tolist() == pytest.approx(
        [0.5, 0.1, 0.2, 0.4]
    )
    trends = trends.set_index("word")
    assert trends.loc["good", "log_slope"] == pytest.approx(np.log(4))
    assert trends.loc["bad", "log_slope"] == pytest.approx(-np.log(4))
    assert trends["monotone"].to_dict() == {"good": True, "null": False, "bad": True}
    assert not trends["monotone_throughout"].any()
    assert trends.loc["bad", "log_slope"] < 0 < trends.loc["good", "log_slope"]
    # The attribute's high pole sets the words that must rise.
    _, swapped = next_words_table.main("alpha", list(probabilities), paths, "negative")
    assert not swapped["monotone"].any()


def test_a_sweep_without_points_between_the_experts_has_no_trend(tmp_path):
    paths = write_files(tmp_path, {"2.000": {("positive", "good"): 0.5}})
    _, trends = next_words_table.main("alpha", ["2.000"], paths, "positive")
    assert trends["log_slope"].isna().all() and not trends["monotone"].any()


def test_labels_are_moved_apart_only_where_they_would_overlap():
    assert curves.spread([0.9, 0.5, 0.1], 0.1) == pytest.approx([0.9, 0.5, 0.1])
    assert curves.spread([0.9, 0.5, 0.5, 0.1], 0.1) == pytest.approx([0.9, 0.55, 0.45, 0.1])
    moved = curves.spread([0.53, 0.52, 0.51, 0.5], 0.1)
    assert np.mean(moved) == pytest.approx(0.515)
    assert np.diff(moved) == pytest.approx([-0.1] * 3)
    assert curves.spread([], 0.1) == []
