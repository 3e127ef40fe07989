"""Why unrelated models do not mix: permuted copies, barriers, differences of weights; `check`."""

import logging
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import BAD, GOOD, save, sentences, tiny, tiny_encoder
from dial import check
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.lm import likelihood, lines, models, tokenization
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.weights import merging, permutation, schemes
from tables import differences

LINE = schemes.linear("line", {"origin": {"a": 1}, "alpha": {"b": 1, "a": -1}}, ["a", "b"])
LLAMA = {"num_attention_heads": 8, "num_key_value_heads": 4}
VARIANTS = {
    "gpt2": {"n_head": 8},
    "llama": LLAMA,
    "llama without groups": LLAMA | {"num_key_value_heads": 8},
    "llama with biases": LLAMA | {"attention_bias": True, "mlp_bias": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_permuted_copy_computes_the_same_logits(tokenizer, variant):
    model, copy = (tiny(variant.split()[0], tokenizer, **VARIANTS[variant]) for _ in range(2))
    permutation.permute(copy, 1, "permute")
    ids = torch.randint(len(tokenizer), (4, 20), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(model(ids).logits, copy(ids).logits, rtol=1e-4, atol=1e-4)
    moved = {
        n
        for (n, a), b in zip(model.named_parameters(), copy.parameters(), strict=True)
        if not torch.equal(a, b)
    }
    permuted = tuple(permutation.AXES[model.config.model_type])
    expected = {n for n, _ in model.named_parameters() if n.endswith(permuted)}
    assert moved == expected, "every tensor with permuted axes changes, and no other"


def test_the_seed_alone_determines_a_permuted_copy(tokenizer):
    one, two, other = (tiny("gpt2", tokenizer) for _ in range(3))
    for model, seed in ((one, 1), (two, 1), (other, 2)):
        permutation.permute(model, seed, "permute")
    name = "transformer.h.0.mlp.c_fc.weight"
    assert torch.equal(one.get_parameter(name), two.get_parameter(name))
    assert not torch.equal(one.get_parameter(name), other.get_parameter(name))


def test_other_architectures_are_refused(tokenizer):
    model = tiny("gpt2", tokenizer)
    model.config.model_type = "gpt_neox"
    with pytest.raises(UserError, match="'gpt_neox' cannot be permuted; known: gpt2, llama"):
        permutation.permute(model, 1)


def fit(model, texts, tokenizer, steps: int, rate: float):
    """Train a model in place by AdamW, and return it."""
    sequences = [tokenization.encode(tokenizer, t, end=True) for t in texts]
    random = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for _ in range(steps):
        batch = [sequences[i] for i in random.integers(len(sequences), size=16)]
        likelihood.token_nll(model, batch)[0].mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.fixture(scope="module")
def trained(tokenizer, tmp_path_factory):
    """A folder with a trained model, a fine-tuned one and a permuted copy of it; test texts."""
    folder = tmp_path_factory.mktemp("pairs")
    texts = sentences(GOOD) + sentences(BAD)
    torch.manual_seed(0)
    model = tiny("gpt2", tokenizer, n_embd=64, n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model.apply(model._init_weights)
    fit(model, texts, tokenizer, 250, 3e-3)
    save(model, tokenizer, folder / "trained")
    copy, _ = models.load_causal_lm(folder / "trained", train=True)
    permutation.permute(copy, 1)
    save(copy, tokenizer, folder / "permuted")
    tuned, _ = models.load_causal_lm(folder / "trained", train=True)
    save(fit(tuned, sentences(GOOD), tokenizer, 30, 3e-4), tokenizer, folder / "finetuned")
    return folder, texts


def nll(model, tokenizer, texts) -> float:
    return float(np.log(likelihood.perplexity(model, tokenizer, texts)))


def unigram_entropy(tokenizer, texts) -> float:
    ids = [i for t in texts for i in tokenization.encode(tokenizer, t, end=True)[1:]]
    share = np.bincount(ids) / len(ids)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def test_the_line_to_a_permuted_copy_has_a_barrier_and_to_a_finetuned_model_none(
    trained, tokenizer
):
    """The barrier is the rise of the loss at 1/2 above the ends, in nats per token."""
    folder, texts = trained
    losses = {}
    for other in ("finetuned", "permuted"):
        merger = merging.Merger({"a": folder / "trained", "b": folder / other})
        model, _ = models.load_causal_lm(folder / "trained")
        losses[other] = []
        for alpha in (0, 0.5, 1):
            lines.merge_into(model, merger, LINE.coefficients(alpha))
            losses[other].append(nll(model, tokenizer, texts[::5]))
    a, middle, b = losses["permuted"]
    unigrams = unigram_entropy(tokenizer, texts)
    assert a < unigrams / 2, "the model has learned more than the frequencies of tokens"
    assert b == pytest.approx(a, abs=1e-4), "both ends compute the same"
    assert middle > a + 0.2
    a, middle, b = losses["finetuned"]
    assert middle < max(a, b) + 0.02


def test_differences_of_weights_by_hand(tokenizer, tmp_path):
    a, b = tiny("gpt2", tokenizer), tiny("gpt2", tokenizer)
    with torch.no_grad():
        b.transformer.h[1].mlp.c_fc.bias += 2
        b.transformer.wpe.weight[0] += 3
    paths = [save(model, tokenizer, tmp_path / name) for model, name in ((a, "a"), (b, "b"))]
    table = differences.main({"mine": paths}).set_index("tensor")
    assert set(table["scheme"]) == {"mine"}
    assert table.loc["transformer.h.1.mlp.c_fc.bias", "difference"] == pytest.approx(2)
    row = table.loc["transformer.h.1.mlp.c_fc.bias"]
    assert (row["layer"], row["parameter"], row["shape"]) == (1, "mlp.c_fc.bias", "128")
    # One of 128 positions differs by 3 in every element: the RMS over all is 3 / sqrt(128).
    expected = 3 / np.sqrt(128)
    assert table.loc["transformer.wpe.weight", "difference"] == pytest.approx(expected)
    assert pd.isna(table.loc["transformer.wpe.weight", "layer"])
    assert (table["difference"] > 0).sum() == 2


def checked(folder, texts, a: str, b: str):
    """The report and the tables of `check`, of two folders below `folder`."""
    directories = {"model_a": str(folder / a), "model_b": str(folder / b)}
    return check.main(directories, texts, 64, Bootstrap(200, 0.95, 1), 0.1, logging.getLogger())


def test_check_says_that_a_finetuned_model_mixes_and_a_permuted_copy_does_not(trained):
    folder, texts = trained
    report, distances, losses = checked(folder, texts[::5], "trained", "finetuned")
    assert "\nYES, they mix: between them the loss rises by up to " in report
    assert list(losses["alpha"]) == list(check.ALPHAS)
    near = distances.set_index("tensor").loc["all"]
    assert near["elements"] == distances["elements"][1:].sum()
    report, distances, losses = checked(folder, texts[::5], "trained", "permuted")
    assert "\nNO, they do not mix: between them the loss rises by up to " in report
    assert "most at α = 0.5." in report.replace("\n", " ")
    assert losses["loss"].iloc[0] == pytest.approx(losses["loss"].iloc[-1], abs=1e-4)
    far = distances.set_index("tensor").loc["all"]
    assert 0 < near["relative_distance"] < 0.3 < far["relative_distance"]
    assert near["cosine"] > 0.95 > far["cosine"]
    assert max(map(len, report.splitlines()[2:])) <= 80


def test_check_names_the_first_difference_and_reads_no_weights(trained, tokenizer, tmp_path):
    folder, texts = trained
    save(tiny("gpt2", tokenizer, n_embd=32), tokenizer, tmp_path / "small")
    report, distances, losses = checked(tmp_path, texts, str(folder / "trained"), "small")
    said = report.replace("\n", " ")
    assert "NO, not as they are: tensor transformer.h.0.attn.c_attn.bias has shape [192]" in said
    assert not len(distances) + len(losses)
    save(tiny("llama", tokenizer), tokenizer, tmp_path / "llama")
    report, *_ = checked(tmp_path, texts, "small", "llama")
    assert "\nNO, not as they are: one is a gpt2 and one a llama." in report


def test_check_of_models_that_are_no_language_models_measures_distances_only(tokenizer, tmp_path):
    tiny_encoder(tokenizer, tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    report, distances, losses = checked(tmp_path, ["A text."], "one", "two")
    assert "CANNOT TELL: they are no causal language models" in report
    assert (distances["relative_distance"] == 0).all() and not len(losses)


def test_check_cannot_tell_of_models_that_know_nothing_or_are_broken(trained, tokenizer, tmp_path):
    folder, texts = trained
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = tiny("gpt2", tokenizer, seed)
        model.apply(model._init_weights)
        save(model, tokenizer, tmp_path / str(seed))
    report, *_ = checked(tmp_path, texts[::5], "0", "1")
    assert "CANNOT TELL: the loss of model_a and model_b is hardly below that of a guess" in report
    model, _ = models.load_causal_lm(folder / "trained", train=True)
    with torch.no_grad():
        model.transformer.wte.weight[0] = torch.nan
    save(model, tokenizer, tmp_path / "broken")
    report, _, losses = checked(tmp_path, texts[::5], "broken", str(folder / "trained"))
    assert "CANNOT TELL: weights or losses of model_a itself are not finite." in report
    assert list(losses["alpha"]) == ["1"]


def test_older_files_of_one_tokenizer_and_one_config_are_the_same(trained, tmp_path):
    folder, texts = trained
    old = shutil.copytree(folder / "finetuned", tmp_path / "old")
    content = files.read_json(old / "tokenizer.json")
    content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
    content["model"] = {k: v for k, v in content["model"].items() if v is not False}
    files.write_json(old / "tokenizer.json", content)
    config = files.read_json(old / "config.json")
    files.write_json(
        old / "config.json", {k: v for k, v in config.items() if v not in (None, False)}
    )
    report, *_ = checked(tmp_path, texts[::5], str(folder / "trained"), "old")
    assert "YES, they mix" in report


def test_the_verdict_of_a_check_follows_the_interval_of_the_barrier():
    def estimate(value: float, spread: float) -> Estimate:
        resampled = value + spread * np.linspace(-1, 1, 101)
        return Estimate(value, value - spread, value + spread, resampled)

    def verdict(height: float, spread: float) -> str:
        line = {a: estimate(0, 0) for a in check.ALPHAS} | {"0.5": estimate(height, spread)}
        return check.verdict(line, 9, Bootstrap(101, 0.95, 1), 0.1).split(":")[0]

    assert verdict(0.01, 0.05) == "YES, they mix"
    assert verdict(0.3, 0.1) == "NO, they do not mix"
    assert verdict(0.1, 0.05) == "CANNOT TELL from so few sentences"
    broken = {a: estimate(0, 0) for a in ("0", "1")}
    assert "α = 0.25, 0.5, 0.75 are not" in check.verdict(broken, 9, Bootstrap(9, 0.95, 1), 1)
