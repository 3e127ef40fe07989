"""Why unrelated models do not mix: permuted copies, barriers, and differences of weights."""

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import BAD, GOOD, save, sentences, tiny
from paramlerp.jobs.errors import UserError
from paramlerp.lm import likelihood, lines, models, tokenization
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
