"""The whole DAG on tiny models: the files that a finished run leaves."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from paramlerp.jobs import files
from paramlerp.lm import models, text_losses, tokenization
from paramlerp.weights import checkpoints, records
from tiny_dag import (
    ALPHAS,
    FEWER,
    GENERATIONS,
    JOBS,
    PAIRS,
    POINTS,
    SAMPLES,
    continuations_by,
    table,
    texts,
)


def test_a_run_says_how_far_it_is_and_where_to_look(finished_run):
    line = rf"^\((\d+)/{JOBS} jobs, \d+:\d\d(?:, .*left)?\) \w+"
    ended = re.findall(line, finished_run.stderr, re.M)
    assert [int(number) for number in ended] == list(range(1, JOBS + 1)), "a line as each job ends"
    assert " steps (" not in finished_run.stderr and "Finished job" not in finished_run.stderr
    assert "results/figures/fig3.png" in finished_run.stdout


def test_a_run_says_what_its_stages_took(finished_run):
    assert re.search(r"^generate +11 +\d+ +\d+ +\d+ +\d+$", finished_run.stdout, re.M)
    stages = pd.read_csv(finished_run.folder / "results/benchmarks/stages.csv").set_index("stage")
    assert stages.loc["generate", "jobs"] == GENERATIONS
    assert stages["seconds"].is_monotonic_decreasing


def test_a_run_writes_nothing_beside_the_code(finished_run):
    assert finished_run.new_files == set()


def test_names_that_others_rely_on(finished):
    results = finished / "results"
    for name in ("base", "positive", "negative"):
        assert (results / "checkpoints" / name / checkpoints.WEIGHTS).exists()
    for alpha in ALPHAS:
        assert texts(finished, "g1", alpha).exists()
        for scorer in ("sentiment", "grammar", "perplexity", "vader"):
            place = results / "scores/neutral/g1" / scorer / f"alpha={alpha}"
            assert (place / f"{SAMPLES}.csv").exists()
    for line in ("g3/line_beta=0.500", "unrelated/line"):
        assert (results / "generations/neutral" / line / f"{FEWER}.jsonl").exists()
        assert (results / "losses" / f"{line}.csv").exists()
    assert (results / "figures" / "fig3.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (results / "figures" / "fig3.svg").read_text()
    assert (results / "examples" / "g1.md").exists()


def test_generations(finished):
    rows = files.read_jsonl(texts(finished, "g1", "0.500"))
    assert len(rows) == 6 * 3
    assert list(rows[0]) == ["prompt_id", "sample_id", "prompt", "text", "n_tokens", "ended"]
    assert all(0 <= r["n_tokens"] <= 8 and (r["ended"] or r["n_tokens"] == 8) for r in rows)


def test_the_ends_of_g1_are_the_experts(finished, tokenizer):
    """Texts at alpha = 0 and 1 are those that theta- and theta+ write from their own folders."""
    for alpha, pole in (("0.000", "negative"), ("1.000", "positive")):
        rows = files.read_jsonl(texts(finished, "g1", alpha))
        assert [r["text"] for r in rows] == continuations_by(
            finished / "results/checkpoints" / pole, rows
        )


def test_g2_at_0_is_the_base_model(finished, tokenizer):
    """The same texts as by the base model's own folder."""
    rows = files.read_jsonl(texts(finished, "g2", "0.000"))
    assert [r["text"] for r in rows] == continuations_by(
        finished / "results/checkpoints/base", rows
    )


def test_ensembles_at_0_are_the_base_model_too(finished):
    """Truncated as well: its nucleus is the one that the base model samples from."""
    base = files.read_jsonl(texts(finished, "g2", "0.000"))
    for scheme in ("ensemble", "truncated_ensemble"):
        assert files.read_jsonl(texts(finished, scheme, "0.000")) == base


def test_cells_of_the_plane_equal_the_points_of_lines_across_it(finished):
    """Theta0, theta-, the middle and theta+: merged in memory for g3, and on disk for g1 and g2."""
    g3 = pd.read_csv(
        finished / "results/tables/g3.csv", dtype=dict.fromkeys(["alpha", "beta"], str)
    )
    kinds, g3 = g3["kind"], g3.drop(columns=["kind", "scheme"])
    key = ["prompts", "alpha", "beta"]
    cells, over = (g3[kinds == kind].set_index(key) for kind in ("lattice", "overlay"))
    shared = cells.index.intersection(over.index)
    assert set(shared) == {
        *(("neutral", a, b) for a, b in POINTS),
        *(("glad", a, b) for a, b in POINTS if (a, b) != ("0.000", "0.000")),
    }
    # Batches differ, so the last bits of a score may.
    pd.testing.assert_frame_equal(cells.loc[shared], over.loc[shared], rtol=1e-5)
    assert cells["n_texts"].tolist() == [6 * 2] * 9 + [3 * 2] * 9
    assert (cells["state"] == "ok").all()


def test_means_over_the_diagonals_of_the_plane(finished):
    """Means over cells of one alpha + beta that has all of alpha - beta = -1, 0, 1: g1's here."""
    sums, g3 = table(finished, "g3_sums"), pd.read_csv(finished / "results/tables/g3.csv")
    means = sums.query("prompts == 'neutral'").set_index("sum")
    assert means["n_points"].to_dict() == {1: 3}
    cells = g3.query("prompts == 'neutral' and kind == 'lattice' and alpha + beta == 1")
    assert len(cells) == 3
    assert means.loc[1, "loss_positive"] == pytest.approx(cells["loss_positive"].mean())
    assert means.loc[1, "perplexity"] == pytest.approx(np.exp(np.log(cells["perplexity"]).mean()))
    assert (means["perplexity_low"] <= means["perplexity_high"]).all()


def test_losses_of_the_plane_are_of_the_test_sentences(finished):
    rows = pd.read_csv(finished / "results/losses/g1/alpha=1.000.csv").query("text == 'positive'")
    model, tokenizer = models.load_causal_lm(finished / "results/checkpoints/positive")
    tests = files.read_jsonl(finished / "results/data/sentiment/experts/positive/test.jsonl")[:8]
    assert len(rows) == 8
    for row, text in zip(rows.itertuples(), tests, strict=True):
        ids = torch.tensor([tokenization.encode(tokenizer, text["text"], end=True)])
        mean = model(ids, labels=ids).loss.item()
        assert row.nll / row.n_tokens == pytest.approx(mean, rel=1e-4)
    g3 = pd.read_csv(finished / "results/tables/g3.csv")
    cell = g3.query("kind == 'overlay' and scheme == 'g1' and alpha == 1").iloc[0]
    assert cell["loss_positive"] == pytest.approx(rows["nll"].sum() / rows["n_tokens"].sum())


def test_barriers_of_g1(finished):
    barriers = table(finished, "g1_barriers").set_index(["quantity", "prompts", "definition"])
    assert set(barriers.index.get_level_values(0)) == {
        *(f"loss_{pole}" for pole in ("positive", "negative")),
        "log_perplexity",
    }
    assert len(barriers) == 2 * 2 + 2 * 2, "two definitions; perplexity for each set of prompts"
    g1 = table(finished, "g1").query("prompts == 'neutral'").set_index("alpha")
    ends = np.log(g1.loc[["0.000", "0.500", "1.000"], "perplexity"])
    expected = ends.max() - (ends.iloc[0] + ends.iloc[2]) / 2
    row = barriers.loc[("log_perplexity", "neutral", "frankle")]
    assert row["barrier"] == pytest.approx(expected)


def test_g2_and_ensembles_are_compared_where_both_are(finished):
    gaps = table(finished, "ensemble_against")
    both = ["ensemble", "truncated_ensemble"]
    assert set(gaps["alpha"]) == {"0.000", "0.500"} and set(gaps["scheme"]) == set(both)
    same = gaps[["difference", "low", "high"]] == 0
    assert same[gaps["alpha"] == "0.000"].all(axis=None), "the same texts at 0"
    assert not same[gaps["alpha"] == "0.500"].all(axis=None)
    query = "alpha == '0.500' and metric == 'length' and scheme == 'ensemble'"
    row = gaps.query(query).iloc[0]
    g2, ensemble = (table(finished, name).query("alpha == '0.500'") for name in ("g2", "ensemble"))
    assert row["weights"] == pytest.approx(g2["length"].item()), "all its samples are shared"
    assert row["logits"] == pytest.approx(ensemble["length"].iloc[0])
    kl = table(finished, "ensemble_divergence").set_index("alpha")["kl"]
    assert kl["0.000"] == 0 and kl["0.500"] > 0
    assert table(finished, "ensemble")["scheme"].tolist() == [both[0]] * 2 + [both[1]] * 2


def test_g1_table(finished):
    g1 = table(finished, "g1")
    assert g1["alpha"].tolist() == ALPHAS * 2
    assert g1["prompts"].tolist() == ["neutral"] * 4 + ["glad"] * 4
    metrics = ["sentiment", "sentiment_share", "grammar", "perplexity", "perplexity_median"]
    metrics += ["perplexity_mean", "dist1", "dist2", "dist3", "length", "repetition"]
    metrics += ["perplexity_slor", "vader"]
    for metric in metrics:
        low, value, high = (g1[f"{metric}{s}"] for s in ("_low", "", "_high"))
        assert ((low <= value + 1e-9) & (value <= high + 1e-9)).all(), metric
    assert list(g1.columns[-2:]) == ["n_texts", "n_empty"]
    assert g1["n_texts"].tolist() == [18] * 4 + [9] * 4


def test_the_table_is_what_the_scores_say(finished):
    """The mean sentiment and the corpus perplexity, computed again from the files of scores."""
    row = table(finished, "g1").query("prompts == 'neutral' and alpha == '0.500'").iloc[0]
    scores = finished / "results/scores/neutral/g1"
    sentiment = pd.read_csv(scores / f"sentiment/alpha=0.500/{SAMPLES}.csv")
    assert row["sentiment"] == pytest.approx(sentiment["score"].mean())
    assert row["sentiment_share"] == pytest.approx((sentiment["target"] > 0.5).mean())
    likelihood = pd.read_csv(scores / f"perplexity/alpha=0.500/{SAMPLES}.csv")
    total = likelihood["nll"].sum() / likelihood["n_tokens"].sum()
    assert row["perplexity"] == pytest.approx(np.exp(total))


def test_differences_are_paired_with_the_negative_expert(finished):
    """Two points share prompts and random numbers, so the variance of their difference is
    var a + var b - 2 cov(a, b), and its interval narrower than one without the covariance.

    Checked on SLOR, a mean over texts that varies here; 200 resamples give a width within 20%.
    """
    differences = table(finished, "g1_differences").query("metric == 'perplexity_slor'")
    assert set(differences["reference"]) == {0.0} and len(differences) == 2 * 3
    unpaired_over_paired = []
    for row in differences.itertuples():
        before, after = (slor_by_prompt(finished, row.prompts, a) for a in ("0.000", row.alpha))
        assert row.difference == pytest.approx((after - before).mean(), rel=0.05)
        paired = standard_error(after - before)
        unpaired = np.hypot(standard_error(before), standard_error(after))
        assert row.high - row.low == pytest.approx(2 * 1.96 * paired, rel=0.2)
        assert row.low < row.difference < row.high
        assert row.variance_saved == pytest.approx(1 - (paired / unpaired) ** 2, abs=0.1)
        unpaired_over_paired.append(unpaired / paired)
    assert np.median(unpaired_over_paired) > 1.3, "an interval without the covariance fails above"


def slor_by_prompt(finished, prompts: str, alpha: str) -> pd.Series:
    """The mean SLOR of each prompt's texts at a point of g1, from its scores."""
    path = f"results/scores/{prompts}/g1/perplexity/alpha={alpha}/{SAMPLES}.csv"
    scores = pd.read_csv(finished / path)
    slor = (scores["unigram_nll"] - scores["nll"]) / scores["n_tokens"]
    return slor.groupby(scores["prompt_id"]).mean()


def standard_error(by_prompt: pd.Series) -> float:
    """The bootstrap's standard error of a mean over prompts."""
    return np.sqrt(by_prompt.var(ddof=0) / len(by_prompt))


def test_ended_and_cut_texts_have_rows_of_their_own(finished):
    together = table(finished, "g1").set_index(["prompts", "alpha"]).sort_index()
    apart = table(finished, "g1_endings").set_index(["prompts", "alpha"])
    assert set(apart["texts"]) == {"ended", "cut"}
    counts = apart.groupby(level=[0, 1])["n_texts"].sum()
    assert (counts == together["n_texts"]).all()
    for metric in ("sentiment", "length"):
        means = (apart[metric] * apart["n_texts"]).groupby(level=[0, 1]).sum() / counts
        np.testing.assert_allclose(means, together[metric], atol=1e-8)


def test_pairs_begin_and_end_at_their_models(finished):
    """A permuted copy has the loss of its model."""
    pair = table(finished, "pairs").set_index(["scheme", "alpha"])
    assert set(pair.index.get_level_values(0)) == set(PAIRS)
    assert pair["n_texts"].eq(12).all() and (pair["state"] == "ok").all()
    first = pair.xs("0.000", level="alpha").drop("permuted_base")
    assert first["loss"].round(6).nunique() == 1, "one model is the start of four lines"
    for name in ("permuted", "permuted_base"):
        losses = pair.loc[name, "loss"]
        assert losses["0.000"] == pytest.approx(losses["1.000"], rel=1e-5)
    model, tokenizer = models.load_causal_lm(finished / "results/checkpoints/papers_1")
    tests = {c: finished / f"results/corpora/{c}/held_out.jsonl" for c in ("films", "papers")}
    rows = text_losses.measure_losses(model, tokenizer, files.read_texts(tests, 8), 64)
    mean = sum(r["nll"] for r in rows) / sum(r["n_tokens"] for r in rows)
    assert pair.loc[("unrelated", "1.000"), "loss"] == pytest.approx(mean, rel=1e-5)


def test_pairs_have_barriers_and_differences_of_weights(finished):
    pair = table(finished, "pairs").set_index(["scheme", "alpha"])
    rises = table(finished, "pairs_barriers").set_index(["scheme", "definition"])
    line = pair.loc["unrelated"]["loss"]
    expected = max(0, line["0.500"] - (line["0.000"] + line["1.000"]) / 2)
    assert rises.loc[("unrelated", "entezari"), "barrier"] == pytest.approx(expected, abs=1e-8)
    gaps = table(finished, "pairs_differences").set_index(["scheme", "tensor"])["difference"]
    assert (gaps > 0).groupby(level=0).any().all()


def test_table_4_says_how_models_were_pretrained(finished):
    table4 = table(finished, "table4").set_index("parameter")
    assert table4.loc["effective_batch", "films_1"] == "8" and table4.loc["tokens"].eq("3072").all()


def test_training_tables_say_what_was_run(finished):
    table1, table2 = table(finished, "table1"), table(finished, "table2")
    experts = ("positive", "negative", "films_1_positive")
    assert len(table1) == 2 * 3 and len(table2) == 3
    for name in experts:
        candidates = table1[table1["checkpoint"] == name]
        best = candidates.loc[candidates["validation_perplexity"].idxmin()]
        assert (table2.set_index("checkpoint").loc[name] == best.drop("checkpoint")).all()
        folder = finished / "results/candidates" / name
        chosen = folder / f"lr={best['learning_rate']:g}_batch=8_steps=12"
        expert = finished / "results/checkpoints" / name
        assert records.weight_hashes(expert) == records.weight_hashes(chosen)
    losses = pd.read_csv(next((finished / "results/candidates/positive").glob("*.csv")))
    assert losses["step"].tolist() == [0, 6, 12]
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]


def test_the_classifier_learned_and_was_tested_elsewhere(finished):
    summary = table(finished, "sentiment_judge_classifier").set_index("domain")
    assert summary.loc["reviews", "auc"] > 0.95
    assert list(summary.index) == ["reviews", "editorials"]
    assert {"calibration_error", "accuracy_low"} <= set(summary.columns)


def test_scorers_and_experts_share_no_text(finished):
    def texts_of(part: str) -> set[str]:
        paths = (finished / "results/data/sentiment" / part).rglob("*.jsonl")
        return {r["text"] for path in paths for r in files.read_jsonl(path)}

    parts = [texts_of(part) for part in ("experts", "classifier", "language_model")]
    assert all(parts)
    assert len(parts[0] | parts[1] | parts[2]) == sum(map(len, parts))


def test_artifacts_hold_no_path_of_this_machine(finished):
    for path in (finished / "results").rglob("*"):
        text = path.suffix in (".csv", ".json", ".jsonl", ".md", ".svg")
        if text and "logs" not in path.parts:
            assert str(finished) not in path.read_text(), path
