"""The complete DAG on tiny models: the files that a finished run writes."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from paramlerp.data import readers
from paramlerp.jobs import files
from paramlerp.lm import models, text_losses, tokenization
from paramlerp.weights import checkpoints, records
from scores import unigrams
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


def test_a_run_prints_its_progress_and_where_the_figures_are(finished_run):
    line = rf"^\((\d+)/{JOBS} jobs, \d+:\d\d(?:, .*left)?\) \w+"
    numbers = re.findall(line, finished_run.stderr, re.M)
    assert [int(number) for number in numbers] == list(range(1, JOBS + 1)), "a line for each job"
    assert " steps (" not in finished_run.stderr and "Finished job" not in finished_run.stderr
    assert "results/figures/fig3.png" in finished_run.stdout


def test_a_run_prints_the_cost_of_its_stages(finished_run):
    assert re.search(r"^generate +11 +\d+ +\d+ +\d+ +\d+$", finished_run.stdout, re.M)
    stages = pd.read_csv(finished_run.folder / "results/benchmarks/stages.csv").set_index("stage")
    assert stages.loc["generate", "jobs"] == GENERATIONS
    assert stages["seconds"].is_monotonic_decreasing


def test_a_run_writes_nothing_beside_the_code(finished_run):
    assert finished_run.new_files == set()


def test_the_paths_of_results_that_users_rely_on_exist(finished):
    results = finished / "results"
    for name in ("base", "positive", "negative"):
        assert (results / "checkpoints" / name / checkpoints.WEIGHTS).exists()
    for alpha in ALPHAS:
        assert texts(finished, "g1", alpha).exists()
        for scorer in ("sentiment", "grammar", "perplexity", "vader"):
            folder = results / "scores/neutral/g1" / scorer / f"alpha={alpha}"
            assert (folder / f"{SAMPLES}.csv").exists()
    for line in ("g3/line_beta=0.500", "unrelated/line"):
        assert (results / "generations/neutral" / line / f"{FEWER}.jsonl").exists()
        assert (results / "losses" / f"{line}.csv").exists()
    assert (results / "figures" / "fig3.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (results / "figures" / "fig3.svg").read_text()
    assert (results / "examples" / "g1.md").exists()


def test_a_sample_file_has_all_samples_of_all_prompts(finished):
    rows = files.read_jsonl(texts(finished, "g1", "0.500"))
    assert len(rows) == 6 * 3
    columns = ["prompt_id", "sample_id", "prompt", "text", "n_tokens", "n_special", "ended"]
    assert list(rows[0]) == columns
    assert all(0 <= r["n_tokens"] <= 8 and (r["ended"] or r["n_tokens"] == 8) for r in rows)


def test_the_ends_of_g1_are_the_experts(finished, tokenizer):
    """Theta- and theta+, loaded from their own folders, write the texts at alpha = 0 and 1."""
    for alpha, pole in (("0.000", "negative"), ("1.000", "positive")):
        rows = files.read_jsonl(texts(finished, "g1", alpha))
        assert [r["text"] for r in rows] == continuations_by(
            finished / "results/checkpoints" / pole, rows
        )


def test_g2_at_0_is_the_base_model(finished, tokenizer):
    """The base model, loaded from its own folder, writes the same texts."""
    rows = files.read_jsonl(texts(finished, "g2", "0.000"))
    assert [r["text"] for r in rows] == continuations_by(
        finished / "results/checkpoints/base", rows
    )


def test_ensembles_at_0_are_the_base_model(finished):
    """So is the truncated one: its nucleus is the one that the base model samples from."""
    base = files.read_jsonl(texts(finished, "g2", "0.000"))
    for scheme in ("ensemble", "truncated_ensemble"):
        assert files.read_jsonl(texts(finished, scheme, "0.000")) == base


def test_points_of_the_plane_equal_those_of_g1_and_g2_on_it(finished):
    """Theta0, theta-, the middle and theta+ are merged in memory for g3, on disk for g1 and g2."""
    g3 = pd.read_csv(
        finished / "results/tables/g3.csv", dtype=dict.fromkeys(["alpha", "beta"], str)
    )
    kinds, g3 = g3["kind"], g3.drop(columns=["kind", "scheme"])
    key = ["prompts", "alpha", "beta"]
    points, overlays = (g3[kinds == kind].set_index(key) for kind in ("lattice", "overlay"))
    shared = points.index.intersection(overlays.index)
    assert set(shared) == {
        *(("neutral", a, b) for a, b in POINTS),
        *(("glad", a, b) for a, b in POINTS if (a, b) != ("0.000", "0.000")),
    }
    # Other batches may change the last bits of a score.
    pd.testing.assert_frame_equal(points.loc[shared], overlays.loc[shared], rtol=1e-5)
    assert points["n_texts"].tolist() == [6 * 2] * 9 + [3 * 2] * 9
    assert (points["state"] == "ok").all()


def test_means_over_the_diagonals_of_the_plane(finished):
    """A mean is over points of one alpha + beta, if it has alpha - beta = -1, 0, 1: here g1's."""
    sums, g3 = table(finished, "g3_sums"), pd.read_csv(finished / "results/tables/g3.csv")
    means = sums.query("prompts == 'neutral'").set_index("sum")
    assert means["n_points"].to_dict() == {1: 3}
    points = g3.query("prompts == 'neutral' and kind == 'lattice' and alpha + beta == 1")
    assert len(points) == 3
    assert means.loc[1, "loss_positive"] == pytest.approx(points["loss_positive"].mean())
    assert means.loc[1, "perplexity"] == pytest.approx(np.exp(np.log(points["perplexity"]).mean()))
    assert (means["perplexity_low"] <= means["perplexity_high"]).all()


def test_losses_in_the_table_of_the_plane_are_means_over_tokens_of_the_test_texts(finished):
    rows = pd.read_csv(finished / "results/losses/g1/alpha=1.000.csv").query("text == 'positive'")
    model, tokenizer = models.load_causal_lm(finished / "results/checkpoints/positive")
    tests = files.read_jsonl(finished / "results/data/sentiment/experts/positive/test.jsonl")[:8]
    assert len(rows) == 8
    for row, text in zip(rows.itertuples(), tests, strict=True):
        ids = torch.tensor([tokenization.encode(tokenizer, text["text"], end=True)])
        mean = model(ids, labels=ids).loss.item()
        assert row.nll / row.n_tokens == pytest.approx(mean, rel=1e-4)
    g3 = pd.read_csv(finished / "results/tables/g3.csv")
    overlay = g3.query("kind == 'overlay' and scheme == 'g1' and alpha == 1").iloc[0]
    assert overlay["loss_positive"] == pytest.approx(rows["nll"].sum() / rows["n_tokens"].sum())


def test_barriers_of_g1_by_hand(finished):
    barriers = table(finished, "g1_barriers").set_index(["quantity", "prompts", "definition"])
    assert set(barriers.index.get_level_values(0)) == {
        *(f"loss_{pole}" for pole in ("positive", "negative")),
        "log_perplexity",
    }
    assert len(barriers) == 2 * 2 + 2 * 2, "two definitions; perplexity for each set of prompts"
    g1 = table(finished, "g1").query("prompts == 'neutral'").set_index("alpha")
    logs = np.log(g1.loc[["0.000", "0.500", "1.000"], "perplexity"])
    expected = logs.max() - (logs.iloc[0] + logs.iloc[2]) / 2
    row = barriers.loc[("log_perplexity", "neutral", "frankle")]
    assert row["barrier"] == pytest.approx(expected)


def test_g2_and_ensembles_are_compared_at_the_points_that_both_have(finished):
    gaps = table(finished, "ensemble_against")
    both = ["ensemble", "truncated_ensemble"]
    assert set(gaps["alpha"]) == {"0.000", "0.500"} and set(gaps["scheme"]) == set(both)
    zero = gaps[["difference", "low", "high"]] == 0
    assert zero[gaps["alpha"] == "0.000"].all(axis=None), "at 0 both have the same texts"
    assert not zero[gaps["alpha"] == "0.500"].all(axis=None)
    query = "alpha == '0.500' and metric == 'length' and scheme == 'ensemble'"
    row = gaps.query(query).iloc[0]
    g2, ensemble = (table(finished, name).query("alpha == '0.500'") for name in ("g2", "ensemble"))
    assert row["weights"] == pytest.approx(g2["length"].item()), "all its samples are shared"
    assert row["logits"] == pytest.approx(ensemble["length"].iloc[0])
    kl = table(finished, "ensemble_divergence").set_index("alpha")["kl"]
    assert kl["0.000"] == 0 and kl["0.500"] > 0
    assert table(finished, "ensemble")["scheme"].tolist() == [both[0]] * 2 + [both[1]] * 2


def test_g1_and_g2_are_compared_at_the_points_that_a_shift_lines_up(finished):
    """Figure 5 draws g2 half further right: its points at -0.5, 0 and 0.5 meet g1's at 0 to 1."""
    gaps = table(finished, "fig5_paired")
    points = gaps[["prompts", "first_at", "second_at"]].drop_duplicates().values.tolist()
    assert points == [["neutral", 0, -0.5], ["neutral", 0.5, 0], ["neutral", 1, 0.5]]
    g1, g2 = (table(finished, name).query("prompts == 'neutral'") for name in ("g1", "g2"))
    assert set(gaps["metric"]) == {name.removesuffix("_low") for name in g1 if "_low" in name}
    row = gaps.query("metric == 'perplexity_slor' and first_at == 1").iloc[0]
    first = g1.query("alpha == '1.000'")["perplexity_slor"].item()
    second = g2.query("alpha == '0.500'")["perplexity_slor"].item()
    assert (row["first"], row["second"]) == (pytest.approx(first), pytest.approx(second))
    assert row["difference"] == pytest.approx(second - first)
    assert row["n_texts"] == 6 * 3 and row["n_samples"] == 3
    assert (
        (gaps["band_low"] <= gaps["difference"]) & (gaps["difference"] <= gaps["band_high"])
    ).all()
    assert (finished / "results/tables/fig5_at_equal.csv").exists()


def test_the_table_of_g1_has_every_metric_within_its_interval(finished):
    g1 = table(finished, "g1")
    assert g1["alpha"].tolist() == ALPHAS * 2
    assert g1["prompts"].tolist() == ["neutral"] * 4 + ["glad"] * 4
    metrics = ["sentiment", "sentiment_share", "grammar", "perplexity", "perplexity_median"]
    metrics += ["perplexity_mean", "dist1", "dist2", "dist3", "length", "repetition"]
    metrics += ["perplexity_slor", "vader"]
    for metric in metrics:
        low, value, high = (g1[f"{metric}{s}"] for s in ("_low", "", "_high"))
        assert ((low <= value + 1e-9) & (value <= high + 1e-9)).all(), metric
    assert list(g1.columns[-3:]) == ["n_texts", "n_samples", "n_empty"]
    assert g1["n_samples"].eq(3).all(), "samples of a prompt: dist-n falls as they become more"
    assert "n_samples" not in table(finished, "g1_endings")
    assert g1["n_texts"].tolist() == [18] * 4 + [9] * 4


def test_the_table_agrees_with_the_scores(finished):
    """The mean sentiment and the corpus perplexity are computed again from the files of scores."""
    row = table(finished, "g1").query("prompts == 'neutral' and alpha == '0.500'").iloc[0]
    scores = finished / "results/scores/neutral/g1"
    sentiment = pd.read_csv(scores / f"sentiment/alpha=0.500/{SAMPLES}.csv")
    assert row["sentiment"] == pytest.approx(sentiment["score"].mean())
    assert row["sentiment_share"] == pytest.approx((sentiment["target"] > 0.5).mean())
    likelihood = pd.read_csv(scores / f"perplexity/alpha=0.500/{SAMPLES}.csv")
    total = likelihood["nll"].sum() / likelihood["n_tokens"].sum()
    assert row["perplexity"] == pytest.approx(np.exp(total))


def test_differences_are_paired_with_the_negative_expert(finished):
    """Two points share prompts and random numbers, so their values covary.

    The variance of their difference is var a + var b - 2 cov(a, b), so its interval is narrower
    than one without the covariance. The test uses SLOR, a mean over texts that varies here; with
    200 resamples its interval's width is within 20%.
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
    assert max(unpaired_over_paired) > 1.3, (
        "if all were closer to 1, intervals that ignore the covariance would pass, too"
    )


def slor_by_prompt(finished, prompts: str, alpha: str) -> pd.Series:
    """A value for each prompt whose mean is the mean SLOR of a point's texts, from its scores.

    A text without tokens has no SLOR, so prompts may have different numbers of texts; the values
    are those of the delta method for a ratio.
    """
    path = f"results/scores/{prompts}/g1/perplexity/alpha={alpha}/{SAMPLES}.csv"
    scores = pd.read_csv(finished / path)
    slor = (scores["unigram_nll"] - scores["nll"]) / scores["n_tokens"]
    by_prompt = slor.groupby(scores["prompt_id"])
    total, count = by_prompt.sum(), by_prompt.count()
    mean = total.sum() / count.sum()
    return mean + (total - mean * count) / count.mean()


def standard_error(by_prompt: pd.Series) -> float:
    """The bootstrap's standard error of a mean over prompts."""
    return np.sqrt(by_prompt.var(ddof=0) / len(by_prompt))


def test_a_table_has_ended_and_cut_texts_in_separate_rows(finished):
    all_texts = table(finished, "g1").set_index(["prompts", "alpha"]).sort_index()
    endings = table(finished, "g1_endings").set_index(["prompts", "alpha"])
    assert set(endings["texts"]) == {"ended", "cut"}
    counts = endings.groupby(level=[0, 1])["n_texts"].sum()
    assert (counts == all_texts["n_texts"]).all()
    for metric in ("sentiment", "length"):
        means = (endings[metric] * endings["n_texts"]).groupby(level=[0, 1]).sum() / counts
        np.testing.assert_allclose(means, all_texts[metric], atol=1e-8)


def test_text_around_prompts_trains_nothing(finished):
    """No text of a prompt's article is in the corpus of editorials or in the unigrams."""
    used = {
        row["document"]
        for name in ("neutral", "glad")
        for row in files.read_jsonl(finished / f"results/prompts/{name}.jsonl")
    }
    editorials = readers.read(finished / "inputs/editorials.txt", {"reader": "rated"})
    left = [row.text for row in editorials if row.document not in used]
    assert 0 < len(left) == len(editorials) - 2 * len(used)
    corpus = [*(finished / "results/corpora/papers/train").iterdir()]
    corpus.append(finished / "results/corpora/papers/held_out.jsonl")
    texts = [row["text"] for path in corpus for row in files.read_jsonl(path)]
    assert sorted(texts) == sorted(left)
    reviews = [row["text"] for row in files.read_jsonl(finished / "inputs/reviews.jsonl")]
    expected = unigrams.main(finished / "results/checkpoints/base", reviews + left)
    counts = pd.read_csv(finished / "results/unigrams/perplexity.csv")
    np.testing.assert_allclose(counts["nll"], [row["nll"] for row in expected])


def test_losses_know_the_documents_of_their_texts(finished):
    held_out = files.read_jsonl(finished / "results/corpora/papers/held_out.jsonl")[:8]
    assert len({row["document"] for row in held_out}) == 4, "articles of two sentences"
    losses = pd.read_csv(finished / "results/losses/unrelated/line.csv", dtype={"alpha": str})
    papers = losses[(losses["alpha"] == "0.500") & (losses["text"] == "papers")]
    assert papers["document"].tolist() == [row["document"] for row in held_out]
    for path in ("losses/g1/alpha=0.500.csv", "divergence/ensemble/alpha=0.500.csv"):
        frame = pd.read_csv(finished / "results" / path)
        assert frame["document"].str.startswith("sentiment/1/").all()
        assert frame["document"].nunique() == len(frame)


def test_the_ends_of_a_pair_have_the_losses_of_its_models(finished):
    """A permuted copy has the loss of its original."""
    pair = table(finished, "pairs").set_index(["scheme", "alpha"])
    assert set(pair.index.get_level_values(0)) == set(PAIRS)
    assert pair["n_texts"].eq(12).all() and (pair["state"] == "ok").all()
    first = pair.xs("0.000", level="alpha").drop("permuted_base")
    assert first["loss"].round(6).nunique() == 1, "four lines start at the same model"
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
    barriers = table(finished, "pairs_barriers").set_index(["scheme", "definition"])
    line = pair.loc["unrelated"]["loss"]
    expected = max(0, line["0.500"] - (line["0.000"] + line["1.000"]) / 2)
    assert barriers.loc[("unrelated", "entezari"), "barrier"] == pytest.approx(expected, abs=1e-8)
    gaps = table(finished, "pairs_differences").set_index(["scheme", "tensor"])["difference"]
    assert (gaps > 0).groupby(level=0).any().all()


def test_table_4_has_the_settings_of_pretraining(finished):
    table4 = table(finished, "table4").set_index("parameter")
    assert table4.loc["effective_batch", "films_1"] == "8" and table4.loc["tokens"].eq("3072").all()
    guesses = table4.loc[["unigram_loss", "uniform_loss"]].astype(float)
    assert (guesses.loc["unigram_loss"] < guesses.loc["uniform_loss"]).all()


def test_tables_1_and_2_have_the_candidates_and_the_best_of_each_expert(finished):
    table1, table2 = table(finished, "table1"), table(finished, "table2")
    experts = ("positive", "negative", "films_1_positive")
    assert len(table1) == 2 * 3 and len(table2) == 3
    for name in experts:
        candidates = table1[table1["checkpoint"] == name]
        best = candidates.loc[candidates["validation_perplexity"].idxmin()]
        assert (table2.set_index("checkpoint").loc[name] == best.drop("checkpoint")).all()
        folder = finished / "results/candidates" / name
        best_candidate = folder / f"lr={best['learning_rate']:g}_batch=8_steps=12"
        expert = finished / "results/checkpoints" / name
        assert records.weight_hashes(expert) == records.weight_hashes(best_candidate)
    losses = pd.read_csv(next((finished / "results/candidates/positive").glob("*.csv")))
    assert losses["step"].tolist() == [0, 6, 12]
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]


def test_the_classifier_learns_and_is_tested_on_another_domain_too(finished):
    summary = table(finished, "sentiment_judge_classifier").set_index(["domain", "calibrated"])
    domains, states = ("reviews", "editorials"), ("no", "yes")
    assert list(summary.index) == [(domain, state) for domain in domains for state in states]
    assert (summary.loc["reviews", "auc"] > 0.95).all()
    assert {"calibration_error", "accuracy_low", "brier"} <= set(summary.columns)
    # Of 13 rated editorials that give no prompt, with two sentences each, 6 are calibrated on.
    assert (summary.loc["editorials", ["n", "n_documents"]] == [14, 7]).all(axis=None)
    fitted = files.read_json(finished / "results/checkpoints/sentiment_judge.calibration.json")
    assert fitted["domains"]["editorials"] == 12 and fitted["slope"] > 0


def test_scores_are_calibrated_and_stand_beside_those_without(finished):
    """The table has both. The classifier's own probability, with the line through its log odds."""
    fitted = files.read_json(finished / "results/checkpoints/sentiment_judge.calibration.json")
    scores = pd.read_csv(
        finished / f"results/scores/neutral/g1/sentiment/alpha=0.500/{SAMPLES}.csv"
    )
    odds = np.log(scores["raw"] / (1 - scores["raw"]))
    expected = 1 / (1 + np.exp(-(fitted["slope"] * odds + fitted["intercept"])))
    np.testing.assert_allclose(scores["score"], expected, rtol=1e-5)
    assert (scores["target"] == scores["score"]).all()
    g1 = table(finished, "g1").query("prompts == 'neutral' and alpha == '0.500'").iloc[0]
    assert g1["sentiment_raw"] == pytest.approx(scores["raw"].mean())
    columns = list(g1.index)
    assert columns.index("sentiment_raw") == columns.index("sentiment_share") + 3


def test_scorers_and_experts_share_no_text(finished):
    def texts_in(part: str) -> set[str]:
        paths = (finished / "results/data/sentiment" / part).rglob("*.jsonl")
        return {r["text"] for path in paths for r in files.read_jsonl(path)}

    parts = [texts_in(part) for part in ("experts", "classifier", "language_model")]
    assert all(parts)
    assert len(parts[0] | parts[1] | parts[2]) == sum(map(len, parts))


def test_results_contain_no_path_of_this_machine(finished):
    for path in (finished / "results").rglob("*"):
        is_text = path.suffix in (".csv", ".json", ".jsonl", ".md", ".svg")
        if is_text and "logs" not in path.parts:
            assert str(finished) not in path.read_text(), path
