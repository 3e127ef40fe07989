"""The whole DAG on tiny models: what it leaves behind, and what it runs again."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from conftest import (
    DEFAULT,
    ROOT,
    laid_over,
    make_inputs,
    save,
    snakemake,
    tiny,
)
from paramlerp.jobs import files
from paramlerp.lm import decoding, models, sampling, text_losses, tokenization
from paramlerp.weights import checkpoints, records

ALPHAS = ["-0.500", "0.000", "0.500", "1.000"]
#: texts are made by one model at each alpha of g1 for two prompt sets, and at three of g2 for one
STOPS = 4 * 2 + 3
#: by ensembles, truncated and not, at two alphas
ENSEMBLES = 2 * 2
#: and by each of three rows of the lattice for two prompt sets
ROWS = 3 * 2
#: jobs of the whole tiny DAG
JOBS = 177
#: all samples of g1, g2 and ensembles are in one file, and those of lattice and pairs in another
SAMPLES, FEWER = "samples=0-2", "samples=0-1"


def planned(folder: Path, *arguments, **kwargs) -> dict[str, int]:
    """Rule -> number of jobs that a run would start."""
    run = snakemake(folder, "--dry-run", *arguments, **kwargs)
    assert run.returncode == 0, run.stdout + run.stderr
    table = re.search(r"^job +count\n-[- ]+\n(.*?)^total", run.stdout + run.stderr, re.M | re.S)
    rows = (line.split() for line in table[1].splitlines()) if table else ()
    return {rule: int(count) for rule, count in rows if rule != "all"}


@pytest.fixture(scope="module")
def code(tmp_path_factory) -> Path:
    """A copy of the workflow, to be edited."""
    root = tmp_path_factory.mktemp("code")
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, root / name)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def done(tmp_path_factory, tokenizer, code) -> Path:
    """A folder in which the tiny configuration ran to the end."""
    folder = tmp_path_factory.mktemp("run")
    make_inputs(folder / "inputs", tokenizer)

    def held():
        return {p for p in code.rglob("*") if "__pycache__" not in p.parts}

    before = held()
    run = snakemake(folder, root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "results/figures/fig3.png" in run.stdout, "it ends with where to look"
    assert re.search(r"^generate +11 +\d+ +\d+ +\d+ +\d+$", run.stdout, re.M), "and what it took"
    stages = pd.read_csv(folder / "results/benchmarks/stages.csv").set_index("stage")
    assert stages.loc["generate", "jobs"] == STOPS and stages["seconds"].is_monotonic_decreasing
    line = rf"^\((\d+)/{JOBS} jobs, \d+:\d\d(?:, .*left)?\) \w+"
    ended = re.findall(line, run.stderr, re.M)
    assert [int(n) for n in ended] == list(range(1, JOBS + 1)), "a line as each job ends"
    assert " steps (" not in run.stderr and "Finished job" not in run.stderr
    assert held() == before, "nothing is written beside the code"
    return folder


def texts(done, scheme, alpha):
    """The file of all texts that continue neutral prompts at a point."""
    return done / f"results/generations/neutral/{scheme}/alpha={alpha}/{SAMPLES}.jsonl"


def table(done, name):
    return pd.read_csv(done / "results" / "tables" / f"{name}.csv", dtype={"alpha": str})


def test_names_that_others_rely_on(done):
    results = done / "results"
    for name in ("base", "positive", "negative"):
        assert (results / "checkpoints" / name / checkpoints.WEIGHTS).exists()
    for alpha in ALPHAS:
        assert texts(done, "g1", alpha).exists()
        for scorer in ("sentiment", "grammar", "perplexity", "vader"):
            place = results / "scores/neutral/g1" / scorer / f"alpha={alpha}"
            assert (place / f"{SAMPLES}.csv").exists()
    for line in ("g3/line_beta=0.500", "unrelated/line"):
        assert (results / "generations/neutral" / line / f"{FEWER}.jsonl").exists()
        assert (results / "losses" / f"{line}.csv").exists()
    assert (results / "figures" / "fig3.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (results / "figures" / "fig3.svg").read_text()
    assert (results / "examples" / "g1.md").exists()


def test_merged_weights_are_kept_or_dropped_when_read(done, code):
    kept = sorted((done / "results" / "merged" / "g1").iterdir())
    assert [f.name for f in kept] == [f"alpha={alpha}" for alpha in ALPHAS]
    for folder in kept:
        models.load_causal_lm(folder)
    words = "results/next_words/sentiment/g1/alpha=0.250.csv"
    run = snakemake(done, words, "--config", "keep_merged=False", root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (done / words).exists()
    assert not (done / "results/merged/g1/alpha=0.250").exists()


def test_generations(done):
    rows = files.read_jsonl(texts(done, "g1", "0.500"))
    assert len(rows) == 6 * 3
    assert list(rows[0]) == ["prompt_id", "sample_id", "prompt", "text", "n_tokens", "ended"]
    assert all(0 <= r["n_tokens"] <= 8 and (r["ended"] or r["n_tokens"] == 8) for r in rows)


def test_the_ends_of_g1_are_the_experts(done, tokenizer):
    """Texts at alpha = 0 and 1 are those of theta- and theta+, read from their own folders."""
    for alpha, pole in (("0.000", "negative"), ("1.000", "positive")):
        rows = files.read_jsonl(texts(done, "g1", alpha))
        assert [r["text"] for r in rows] == texts_of(done / "results/checkpoints" / pole, rows)


def texts_of(folder: Path, rows: list[dict]) -> list[str]:
    """What the model in a folder writes for the prompts of `rows`."""
    model, own = models.load_causal_lm(folder)
    prompts = list(dict.fromkeys(r["prompt"] for r in rows))
    ids = [tokenization.encode(own, p) for p in prompts]
    streams = np.array([[sampling.uniforms(1, p, s, 8) for s in range(3)] for p in prompts])
    source = decoding.ModelLogits(model)
    found = decoding.generate(source, ids, streams, top_p=0.9, eos=own.eos_token_id, max_rows=16)
    return [
        decoding.decode_continuation(own, p, t.ids)
        for p, row in zip(ids, found, strict=True)
        for t in row
    ]


def test_g2_at_0_is_the_base_model(done, tokenizer):
    """Token for token, read from its own folder."""
    rows = files.read_jsonl(texts(done, "g2", "0.000"))
    assert [r["text"] for r in rows] == texts_of(done / "results/checkpoints/base", rows)


def test_ensembles_at_0_are_the_base_model_too(done):
    """Truncated as well: its nucleus is the one that the base model samples from."""
    base = files.read_jsonl(texts(done, "g2", "0.000"))
    for scheme in ("ensemble", "truncated_ensemble"):
        assert files.read_jsonl(texts(done, scheme, "0.000")) == base


def test_cells_of_the_lattice_are_the_points_that_lie_there(done):
    """Theta0, theta-, the middle and theta+: from g3's rows and from g1's and g2's own runs."""
    g3 = pd.read_csv(done / "results/tables/g3.csv", dtype=dict.fromkeys(["alpha", "beta"], str))
    kinds, g3 = g3["kind"], g3.drop(columns=["kind", "scheme"])
    place = ["prompts", "alpha", "beta"]
    cells, over = (g3[kinds == own].set_index(place) for own in ("lattice", "overlay"))
    shared = cells.index.intersection(over.index)
    assert set(shared) == {
        *(("neutral", a, b) for a, b in POINTS),
        *(("glad", a, b) for a, b in POINTS if (a, b) != ("0.000", "0.000")),
    }
    # Batches differ, and with them the last bits of a score.
    pd.testing.assert_frame_equal(cells.loc[shared], over.loc[shared], rtol=1e-5)
    assert cells["n_texts"].tolist() == [6 * 2] * 9 + [3 * 2] * 9
    assert (cells["state"] == "ok").all()


POINTS = [("0.000", "0.000"), ("0.000", "1.000"), ("0.500", "0.500"), ("1.000", "0.000")]


def test_lines_across_the_plane(done):
    """Means over cells by alpha + beta, where all of alpha - beta = -1, 0, 1 are: on g1 here."""
    sums, g3 = table(done, "g3_sums"), pd.read_csv(done / "results/tables/g3.csv")
    own = sums.query("prompts == 'neutral'").set_index("sum")
    assert own["n_points"].to_dict() == {1: 3}
    cells = g3.query("prompts == 'neutral' and kind == 'lattice' and alpha + beta == 1")
    assert len(cells) == 3
    assert own.loc[1, "loss_positive"] == pytest.approx(cells["loss_positive"].mean())
    assert own.loc[1, "perplexity"] == pytest.approx(np.exp(np.log(cells["perplexity"]).mean()))
    assert (own["perplexity_low"] <= own["perplexity_high"]).all()


def test_losses_of_the_plane_are_of_the_test_sentences(done):
    rows = pd.read_csv(done / "results/losses/g1/alpha=1.000.csv").query("text == 'positive'")
    model, own = models.load_causal_lm(done / "results/checkpoints/positive")
    tests = files.read_jsonl(done / "results/data/sentiment/experts/positive/test.jsonl")[:8]
    assert len(rows) == 8
    for row, text in zip(rows.itertuples(), tests, strict=True):
        ids = torch.tensor([tokenization.encode(own, text["text"], end=True)])
        mean = model(ids, labels=ids).loss.item()
        assert row.nll / row.n_tokens == pytest.approx(mean, rel=1e-4)
    g3 = pd.read_csv(done / "results/tables/g3.csv")
    cell = g3.query("kind == 'overlay' and scheme == 'g1' and alpha == 1").iloc[0]
    assert cell["loss_positive"] == pytest.approx(rows["nll"].sum() / rows["n_tokens"].sum())


def test_barriers_of_g1(done):
    barriers = table(done, "g1_barriers").set_index(["quantity", "prompts", "definition"])
    assert set(barriers.index.get_level_values(0)) == {
        *(f"loss_{pole}" for pole in ("positive", "negative")),
        "log_perplexity",
    }
    assert len(barriers) == 2 * 2 + 2 * 2, "two definitions; perplexity for each set of prompts"
    g1 = table(done, "g1").query("prompts == 'neutral'").set_index("alpha")
    ends = np.log(g1.loc[["0.000", "0.500", "1.000"], "perplexity"])
    expected = ends.max() - (ends.iloc[0] + ends.iloc[2]) / 2
    found = barriers.loc[("log_perplexity", "neutral", "frankle")]
    assert found["barrier"] == pytest.approx(expected)


def test_g2_and_ensembles_are_compared_where_both_are(done):
    gaps = table(done, "ensemble_against")
    both = ["ensemble", "truncated_ensemble"]
    assert set(gaps["alpha"]) == {"0.000", "0.500"} and set(gaps["scheme"]) == set(both)
    same = gaps[["difference", "low", "high"]] == 0
    assert same[gaps["alpha"] == "0.000"].all(axis=None), "the same texts at 0"
    assert not same[gaps["alpha"] == "0.500"].all(axis=None)
    own = gaps.query("alpha == '0.500' and metric == 'sentiment' and scheme == 'ensemble'").iloc[0]
    g2, ensemble = (table(done, name).query("alpha == '0.500'") for name in ("g2", "ensemble"))
    assert own["weights"] == pytest.approx(g2["sentiment"].item()), "all its samples are shared"
    assert own["logits"] == pytest.approx(ensemble["sentiment"].iloc[0])
    kl = table(done, "ensemble_divergence").set_index("alpha")["kl"]
    assert kl["0.000"] == 0 and kl["0.500"] > 0
    assert table(done, "ensemble")["scheme"].tolist() == [both[0]] * 2 + [both[1]] * 2


def test_a_judge_of_fluency_from_text_that_no_expert_saw(done, code):
    """On request: one more scorer makes figure 5 one panel wider."""
    setting = {"learning_rate": [1e-4], "batch_size": [8], "steps": [6]}
    reviewer = {**DEFAULT["checkpoints"]["reviewer"], "finetuning": setting}
    change = {
        "checkpoints": {"reviewer": reviewer},
        "scorers": {
            "reviews": {"kind": "perplexity", "model": "reviewer", "unigrams": ["reviews"]}
        },
    }
    config = done / "judge.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    target = f"results/scores/neutral/g2/reviews/alpha=0.000/{SAMPLES}.csv"
    run = snakemake(done, target, configfile=config, root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    assert pd.read_csv(done / target)["nll"].gt(0).all()
    losses = pd.read_csv(done / "results/candidates/reviewer/lr=0.0001_batch=8_steps=6.csv")
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]
    more = planned(done, configfile=config, root=code)
    assert more == {"perplexity": STOPS - 1, "barriers": 1, "training_tables": 1, **LINES}
    for name in ("scores/neutral/g2/reviews", "checkpoints/reviewer", "candidates/reviewer"):
        shutil.rmtree(done / "results" / name)


def test_g1_table(done):
    g1 = table(done, "g1")
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


def test_the_table_is_what_the_scores_say(done):
    """The mean sentiment and corpus perplexity, worked out again from the scores' files."""
    row = table(done, "g1").query("prompts == 'neutral' and alpha == '0.500'").iloc[0]
    scores = done / "results/scores/neutral/g1"
    sentiment = pd.read_csv(scores / f"sentiment/alpha=0.500/{SAMPLES}.csv")
    assert row["sentiment"] == pytest.approx(sentiment["score"].mean())
    assert row["sentiment_share"] == pytest.approx((sentiment["target"] > 0.5).mean())
    likelihood = pd.read_csv(scores / f"perplexity/alpha=0.500/{SAMPLES}.csv")
    total = likelihood["nll"].sum() / likelihood["n_tokens"].sum()
    assert row["perplexity"] == pytest.approx(np.exp(total))


def test_differences_are_paired_with_the_negative_expert(done):
    gaps, g1 = table(done, "g1_differences"), table(done, "g1")
    assert set(gaps["reference"]) == {0.0}
    own = gaps.query("prompts == 'neutral' and metric == 'sentiment'").set_index("alpha")
    mean = g1.query("prompts == 'neutral'").set_index("alpha")["sentiment"]
    assert own.loc["1.000", "difference"] == pytest.approx(mean["1.000"] - mean["0.000"], abs=1e-8)
    assert own.loc["1.000", "low"] <= own.loc["1.000", "difference"] <= own.loc["1.000", "high"]


def test_ended_and_cut_texts_are_told_apart(done):
    whole = table(done, "g1").set_index(["prompts", "alpha"])
    apart = table(done, "g1_endings").set_index(["prompts", "alpha"])
    assert set(apart["texts"]) == {"ended", "cut"}
    counts = apart.groupby(level=[0, 1])["n_texts"].sum()
    assert (counts == whole["n_texts"].sort_index()).all()
    sums = (apart["sentiment"] * apart["n_texts"]).groupby(level=[0, 1]).sum() / counts
    np.testing.assert_allclose(sums, whole["sentiment"].sort_index(), atol=1e-8)


def test_pairs_have_their_ends_and_their_barriers(done):
    """Ends are the two models' own; a permuted copy's is the model's; table 4 says what was run."""
    pair = table(done, "pairs").set_index(["scheme", "alpha"])
    assert set(pair.index.get_level_values(0)) == set(PAIRS)
    assert pair["n_texts"].eq(12).all() and (pair["state"] == "ok").all()
    first = pair.xs("0.000", level="alpha").drop("permuted_base")
    assert first["loss"].round(6).nunique() == 1, "one model is the start of four lines"
    for name in ("permuted", "permuted_base"):
        own = pair.loc[name]
        assert own.loc["0.000", "loss"] == pytest.approx(own.loc["1.000", "loss"], rel=1e-5)
    rises = table(done, "pairs_barriers").set_index(["scheme", "definition"])
    line = pair.loc["unrelated"]["loss"]
    expected = max(0, line["0.500"] - (line["0.000"] + line["1.000"]) / 2)
    assert rises.loc[("unrelated", "entezari"), "barrier"] == pytest.approx(expected, abs=1e-8)
    model, own = models.load_causal_lm(done / "results/checkpoints/papers_1")
    tests = {c: done / f"results/corpora/{c}/held_out.jsonl" for c in ("films", "papers")}
    rows = text_losses.measure_losses(model, own, files.read_texts(tests, 8), 64)
    mean = sum(r["nll"] for r in rows) / sum(r["n_tokens"] for r in rows)
    assert line["1.000"] == pytest.approx(mean, rel=1e-5)
    gaps = table(done, "pairs_differences").set_index(["scheme", "tensor"])["difference"]
    assert (gaps > 0).groupby(level=0).any().all()
    table4 = table(done, "table4").set_index("parameter")
    assert table4.loc["effective_batch", "films_1"] == "8" and table4.loc["tokens"].eq("3072").all()


def test_training_tables_say_what_was_run(done):
    table1, table2 = table(done, "table1"), table(done, "table2")
    experts = ("positive", "negative", "films_1_positive")
    assert len(table1) == 2 * 3 and len(table2) == 3
    for name in experts:
        own = table1[table1["checkpoint"] == name]
        best = own.loc[own["validation_perplexity"].idxmin()]
        assert (table2.set_index("checkpoint").loc[name] == best.drop("checkpoint")).all()
        folder = done / "results/candidates" / name
        chosen = folder / f"lr={best['learning_rate']:g}_batch=8_steps=12"
        expert = done / "results/checkpoints" / name
        assert records.weight_hashes(expert) == records.weight_hashes(chosen)
    losses = pd.read_csv(next((done / "results/candidates/positive").glob("*.csv")))
    assert losses["step"].tolist() == [0, 6, 12]
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]


def test_the_classifier_learned_and_was_tested_elsewhere(done):
    summary = table(done, "sentiment_judge_classifier").set_index("domain")
    assert summary.loc["reviews", "auc"] > 0.95
    assert list(summary.index) == ["reviews", "editorials"]
    assert {"calibration_error", "accuracy_low"} <= set(summary.columns)


def test_scorers_and_experts_share_no_text(done):
    def held(part):
        paths = (done / "results/data/sentiment" / part).rglob("*.jsonl")
        return {r["text"] for path in paths for r in files.read_jsonl(path)}

    parts = [held(p) for p in ("experts", "classifier", "language_model")]
    assert all(parts)
    assert len(parts[0] | parts[1] | parts[2]) == sum(map(len, parts))


def test_nothing_to_do_again(done, code):
    assert planned(done, root=code) == {}


def test_a_copy_at_another_depth_is_finished_too(done, code, tmp_path):
    """No path of the folder, nor of the code, is among what decides on reruns."""
    folder = shutil.copytree(done, tmp_path / "a" / "b" / "run")
    assert planned(folder, root=code) == {}
    assert planned(folder, root=shutil.copytree(code, tmp_path / "c" / "code")) == {}


PAIRS = DEFAULT["sweeps"]["pairs"]["schemes"]

FIGURES = dict.fromkeys(["fig3", "fig5", "fig6", "fig7", "fig8"], 1)
#: tables and figures of what was measured; and what follows from new texts everywhere
RESULTS = {"sweep_table": 3, "against": 1, "barriers": 1, "plane_table": 1, **FIGURES}
TABLES = {**RESULTS, "examples": 3}
#: of one sweep's
OF_PLANE = {"plane_table": 1, "fig7": 1, "fig8": 1}
G1_TABLES = {"sweep_table": 1, "examples": 1, "fig3": 1, "fig5": 1, **OF_PLANE}
WORDS = {"next_words": 4, "next_words_table": 1, "fig4": 1}


def scores(lines: int, others: int) -> dict[str, int]:
    """Jobs that score texts of g1 and g2, and of ensembles and rows of the lattice."""
    every = {"classify": lines + others, "perplexity": lines + others, "tag": lines, "vader": lines}
    return {name: n for name, n in every.items() if n}


TEXTS = {"generate": STOPS, "ensemble": ENSEMBLES, "row": ROWS}
TEXTS |= scores(STOPS, ENSEMBLES + ROWS) | TABLES
READ = {"losses": 4 + 3, "row_losses": 3, "divergence": 2, **WORDS}
MERGES = {"merge": 4 + 3, **READ}
EXPERTS = {"candidate": 4, "select": 2, "training_tables": 1, **MERGES, **TEXTS}
CLASSIFIER = {"train_classifier": 1, "test_classifier": 1, "classify": STOPS + ENSEMBLES + ROWS}
#: what shows a scorer's figures: all but barriers; a second opinion's, g1 and g2 only
SHOWN = {name: n for name, n in RESULTS.items() if name != "barriers"}
LINES = {"sweep_table": 2, "fig3": 1, "fig5": 1}

ENSEMBLE = {"ensemble": ENSEMBLES, **scores(0, ENSEMBLES)}
ENSEMBLE |= {"sweep_table": 1, "examples": 1, "against": 1, "fig6": 1}

#: pairs: their lines, and what shows them; and what follows from another expert of films_1, or
#: from other text to pretrain on (but table 1, which is of all experts)
SHOWN_OF_PAIRS = {"pairs_table": 1, "fig10": 1}
TEXTS_OF_PAIRS = {"row": 5, "perplexity": 5, "tag": 5, **SHOWN_OF_PAIRS}
LOSSES_OF_PAIRS = {"row_losses": 5, **SHOWN_OF_PAIRS}
OF_PAIRS = {**TEXTS_OF_PAIRS, **LOSSES_OF_PAIRS}
FIG9 = {"differences": 1, "fig9": 1}
TWO_PAIRS = {"row": 2, "row_losses": 2, "perplexity": 2, "tag": 2}
ONE_PAIR = {"row": 1, "row_losses": 1, "perplexity": 1, "tag": 1, **SHOWN_OF_PAIRS}
FINETUNED = {"candidate": 2, "select": 1, **FIG9, **ONE_PAIR}
PRETRAINED = {"train_tokenizer": 1, "pretrain": 3, "fig11": 1, "pretraining_table": 1}
PRETRAINED |= {"permute": 1, "candidate": 2, "select": 1, **FIG9, **OF_PAIRS}
#: theta0's own pair does not mind what is pretrained, but the text that it is tested on
NOT_BASE = {"row": 4, "row_losses": 4, "perplexity": 4, "tag": 4, "train_tokenizer": 0}


def plus(*jobs: dict[str, int]) -> dict[str, int]:
    """Jobs of several kinds together."""
    return dict(sum(map(Counter, jobs), Counter()))


def at(**points: list[float]) -> dict:
    """A change of config: sweeps along alpha at other points."""
    return {"sweeps": {name: {"points": {"alpha": own}} for name, own in points.items()}}


BOTH = {"prompts": ["neutral", "glad"]}

TINY = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        pytest.param(
            at(g1=[-0.5, 0, 0.5, 0.75, 1]),
            {"merge": 1, "generate": 2, **scores(2, 0), **G1_TABLES}
            | {"losses": 1, "barriers": 1}
            | {"next_words": 1, "next_words_table": 1, "fig4": 1},
            id="one more alpha: its chain, then tables and figures",
        ),
        pytest.param(
            at(g1=[0, 0.5, 1]),
            {**G1_TABLES, "next_words_table": 1, "fig4": 1},
            id="one alpha less: tables and figures",
        ),
        pytest.param(
            {"sweeps": {"g1": {"samples": 4}}},
            {"generate": 4 * 2, **scores(4 * 2, 0), "generation_table": 1}
            | {"sweep_table": 1, "barriers": 1, "fig3": 1, "fig5": 1},
            id="one more sample of g1: a file of it alone at each point, what counts all samples",
        ),
        pytest.param(
            {"sweeps": {"g1": {"samples": 6}}},
            {"generate": 4 * 2, **scores(4 * 2, 0), "generation_table": 1}
            | {"sweep_table": 1, "barriers": 1, "fig3": 1, "fig5": 1},
            id="twice as many samples of g1: a second file at each point",
        ),
        pytest.param(
            {"classification": {"epochs": 3}},
            {**CLASSIFIER, **SHOWN},
            id="another sentiment scorer: no text is generated again",
        ),
        pytest.param(
            {
                "checkpoints": {
                    "sentiment_judge": {
                        **DEFAULT["checkpoints"]["sentiment_judge"],
                        "classification": {"epochs": 3},
                    }
                }
            },
            {**CLASSIFIER, **SHOWN},
            id="nor is it if that classifier has a setting of its own",
        ),
        pytest.param(
            {"scorers": {"opinion": {"kind": "vader"}}},
            {"vader": STOPS, **LINES},
            id="one more scorer: its scores alone",
        ),
        pytest.param(
            {"prompts": {"neutral": {"count": 7}}},
            {"prompts": 1, "generate": 7, "ensemble": 4, "row": 3}
            | plus(scores(7, 4 + 3), {**TABLES, "generation_table": 1}, {"row": 3}, TEXTS_OF_PAIRS),
            id="more prompts of one set: that set's texts, no expert, no loss",
        ),
        pytest.param(
            {"generation": {"top_p": 0.8}},
            plus(TEXTS, {"generation_table": 1}, TEXTS_OF_PAIRS),
            id="another top-p: texts, no expert, no loss",
        ),
        pytest.param(
            {"sweeps": {"ensemble": {"schemes": ["ensemble"]}}},
            {"sweep_table": 1, "examples": 1, "against": 1, "fig6": 1},
            id="one kind of ensemble less: its tables",
        ),
        pytest.param(
            {"sweeps": {"ensemble": {"schemes": ["truncated_ensemble"]}}},
            {"sweep_table": 1, "examples": 1, "against": 1, "fig6": 1, "divergence": 2},
            id="the first kind less: g2 is told from the other one, no text",
        ),
        pytest.param(
            {"sweeps": {"g3": {"points": {axis: [0, 0.5, 1, 1.5] for axis in ("alpha", "beta")}}}},
            {"row": 8, "row_losses": 4, **scores(0, 8), **OF_PLANE},
            id="a larger lattice: its rows alone",
        ),
        pytest.param(
            {"sweeps": {"g3": {"points": {"beta": [0, 0.5, 1, 1.5]}}}},
            {"row": 2, "row_losses": 1, **scores(0, 2), **OF_PLANE},
            id="one more row of the lattice: it alone",
        ),
        pytest.param(
            {"test_texts": 4},
            plus({"losses": 7, "row_losses": 3, "barriers": 1, **OF_PLANE}, LOSSES_OF_PAIRS),
            id="fewer test sentences: losses, no text",
        ),
        pytest.param(
            {"divergence_texts": 2},
            {"divergence": 2, "against": 1, "fig6": 1},
            id="fewer sentences to tell g2 from the ensemble along: no text",
        ),
        pytest.param(
            {"barrier_margin": 0.2},
            {"barriers": 1, **SHOWN_OF_PAIRS},
            id="another margin",
        ),
        pytest.param(
            {"attributes": {"sentiment": {"next_words": {"words": {"positive": ["superb"]}}}}},
            WORDS,
            id="other words: no text",
        ),
        pytest.param(
            {"statistics": {"confidence": 0.9}},
            {**RESULTS, "test_classifier": 1, **SHOWN_OF_PAIRS},
            id="another confidence: no score",
        ),
        pytest.param(
            {"finetuning": {"learning_rate": [1e-3, 2e-3, 1e-2]}},
            plus(EXPERTS | {"candidate": 2}, FINETUNED | {"candidate": 1}),
            id="one more setting of the grid: its candidates, and what the best of all may change",
        ),
        pytest.param(
            {"seed": 2},
            plus(
                {"split_sentiment": 1, "prompts": 2, "generation_table": 1},
                {"corpus": 2, "permute": 1},
                {**EXPERTS, **CLASSIFIER},
                PRETRAINED,
            ),
            id="another seed: all that draws, no model converted",
        ),
        pytest.param({"sweeps": {"g3": None}}, {"generation_table": 1}, id="no lattice"),
        pytest.param(
            {"sweeps": {"pairs": None}},
            {"generation_table": 1, "training_tables": 1},
            id="no pairs, and so no expert of films_1 in table 1",
        ),
        pytest.param(
            at(pairs=[0, 0.25, 0.5, 1]),
            OF_PAIRS,
            id="one more alpha of pairs: their lines",
        ),
        pytest.param(
            {
                "schemes": {
                    "again": {"origin": {"papers_1": 1}, "alpha": {"films_2": 1, "papers_1": -1}}
                },
                "sweeps": {"pairs": {"schemes": [*PAIRS, "again"]}},
            },
            FIG9 | ONE_PAIR,
            id="one more pair: its line, no training",
        ),
        pytest.param(
            {
                "sweeps": {"pairs": {"schemes": ["permuted_base"]}},
                "figures": {
                    "fig9": {**DEFAULT["figures"]["fig9"], "schemes": ["permuted_base"]},
                    "fig11": None,
                },
            },
            {**FIG9, **SHOWN_OF_PAIRS, "training_tables": 1},
            id="fewer pairs, and none pretrained: tables and figures",
        ),
        pytest.param(
            {"pretraining": {"weight_decay": 0.1}},
            {**PRETRAINED, **NOT_BASE, "training_tables": 1},
            id="another weight decay: all that is pretrained",
        ),
        pytest.param(
            {"pretraining": {"sample_prompt": "A film", "checkpoints_kept": 1}},
            {},
            id="what samples continue and what is kept change nothing",
        ),
        pytest.param(
            {"sweeps": {"g2": None, "ensemble": None}},
            {**OF_PLANE, "generation_table": 1},
            id="neither g2 nor ensembles: no figures 5 and 6, fewer overlays",
        ),
        pytest.param(
            {"sweeps": {"ensemble": BOTH, "g2": BOTH}},
            {"generate": 3, "ensemble": 4, **scores(3, 4), "generation_table": 1}
            | {"sweep_table": 2, "examples": 2, "against": 1, "fig5": 1, "fig6": 1, **OF_PLANE},
            id="g2 and ensembles with another prompt set: its texts",
        ),
        pytest.param(
            {"checkpoint_minutes": 1}, {}, id="how often training is saved changes nothing"
        ),
        pytest.param({"keep_merged": False}, {}, id="nor does what is kept"),
    ],
)
def test_a_change_of_config_reruns_what_depends_on_it(done, code, change, jobs):
    config = done / "changed.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    assert planned(done, configfile=config, root=code) == plus(jobs)


@contextmanager
def edited(file: Path, addition: str):
    """A file that says something else for a while."""
    content, times = file.read_text(), file.stat()
    try:
        file.write_text(content + addition)
        yield
    finally:
        file.write_text(content)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("paramlerp/lm/decoding.py", plus(TEXTS, TEXTS_OF_PAIRS)),
        ("paramlerp/metrics.py", {**RESULTS, **SHOWN_OF_PAIRS}),
        (
            "paramlerp/plotting.py",
            {**FIGURES, "fig4": 1, "fig9": 1, "fig10": 1, "fig11": 1},
        ),
        ("paramlerp/pretraining.py", {**PRETRAINED, **NOT_BASE, "training_tables": 1}),
        ("paramlerp/permutation.py", {"permute": 2, **FIG9, **ONE_PAIR, **TWO_PAIRS}),
        (
            "paramlerp/merging.py",
            {**MERGES, "generate": STOPS, "row": ROWS, **TABLES, "sweep_table": 2, "examples": 2}
            | plus(scores(STOPS, ROWS), OF_PAIRS, {"row": ROWS, "row_losses": 3}),
        ),
        (
            "paramlerp/lm/lines.py",
            plus({"row": ROWS, **scores(0, ROWS), "row_losses": 3, **OF_PLANE}, OF_PAIRS),
        ),
        ("row.py", plus({"row": ROWS, **scores(0, ROWS), **OF_PLANE}, TEXTS_OF_PAIRS)),
        ("row_losses.py", plus({"row_losses": 3, **OF_PLANE}, LOSSES_OF_PAIRS)),
        ("paramlerp/training.py", plus({**EXPERTS, **CLASSIFIER}, FINETUNED)),
        ("paramlerp/run.py", {}),
        ("paramlerp/lm/prefix_cache.py", plus({**TEXTS, **READ}, OF_PAIRS)),
        ("vader.py", {"vader": STOPS, **LINES}),
        ("ensemble.py", ENSEMBLE),
        ("figure_line.py", {"fig3": 1}),
        ("figure_pairs.py", {"fig10": 1}),
    ],
)
def test_an_edit_of_code_reruns_what_uses_it(done, code, file, jobs):
    """Library modules and scripts alike: an edit of the decoder makes texts again, no expert."""
    with edited(code / "workflow/scripts" / file, "\n# an edit\n"):
        assert planned(done, root=code) == plus(jobs)


@pytest.mark.parametrize(
    ("file", "addition", "jobs"),
    [
        (
            "reviews.jsonl",
            '{"text": "this film is a joy", "label": 1}\n',
            plus(
                {"split_sentiment": 1, "unigrams": 1, "corpus": 1},
                {**EXPERTS, **CLASSIFIER},
                # Theta0 and its twin write the same texts; of all five, films are other ones.
                {**PRETRAINED, "row": 4, "tag": 4},
            ),
        ),
        (
            "editorials.txt",
            "99\t0.0\tOne more editorial of seven words.\n",
            plus(
                {
                    "prompts": 2,
                    "generation_table": 1,
                    "unigrams": 1,
                    "test_classifier": 1,
                    "corpus": 1,
                    "training_tables": 1,
                },
                TEXTS,
                PRETRAINED,
            ),
        ),
        ("reviews.jsonl", "", {}),
    ],
)
def test_a_change_of_data_reruns_what_reads_it(done, code, file, addition, jobs):
    """Other reviews make other experts; other prompts do not; a touched file is the same file."""
    with edited(done / "inputs" / file, addition):
        assert planned(done, root=code) == jobs


def test_a_dialled_model_of_any_alpha_is_kept_on_request(done, code):
    """As the README says; and texts that are there stay as they are."""
    target = "results/merged/g1/alpha=0.600"
    run = snakemake(done, target, "--config", "keep_merged=True", root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    models.load_causal_lm(done / target)
    assert planned(done, root=code) == {}


def test_artifacts_hold_no_path_of_this_machine(done):
    for path in (done / "results").rglob("*"):
        text = path.suffix in (".csv", ".json", ".jsonl", ".md", ".svg")
        if text and "logs" not in path.parts:
            assert str(done) not in path.read_text(), path


def test_targets_of_their_own(done, code):
    run = snakemake(done, "fig3", "--dry-run", root=code)
    assert run.returncode == 0 and "Nothing to be done" in run.stdout + run.stderr


def test_a_base_of_another_name_gets_experts_too(done, code, tokenizer):
    """A source, a checkpoint of it and an expert of that, by config alone."""
    save(tiny("gpt2", tokenizer), tokenizer, done / "inputs" / "other")
    change = {
        "sources": {"other": {"kind": "path", "path": "inputs/other"}},
        "checkpoints": {
            "other": {"kind": "source", "source": "other"},
            "glad": {**DEFAULT["checkpoints"]["positive"], "of": "other"},
        },
    }
    config = done / "other.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    target = "results/checkpoints/glad"
    run = snakemake(done, target, configfile=config, root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    shape = json.loads((done / target / "config.json").read_text())
    assert shape["model_type"] == "gpt2"
    for name in ("checkpoints/glad", "checkpoints/other", "candidates/glad"):
        shutil.rmtree(done / "results" / name)


#: four experts of one base that differ in their text or in their seed
FOUR = {
    "glad": {"poles": ["positive"], "seed": 1},
    "merry": {"poles": ["positive"], "seed": 2},
    "glum": {"poles": ["negative"], "seed": 3},
    "moody": {"poles": ["negative", "positive"]},
}


def test_a_scheme_over_four_experts_by_config_alone(done, code, tmp_path):
    """Experts, a scheme of two coordinates over them, its models and their texts."""
    folder = shutil.copytree(done, tmp_path / "run")
    how = {"kind": "finetuned", "of": "base", "attribute": "sentiment"}
    how["finetuning"] = {"learning_rate": [1e-2]}
    scheme = {
        "origin": {"glad": 0.25, "moody": 0.75},
        "alpha": {"merry": 1, "glum": -0.5, "moody": -0.5},
        "beta": {"glum": 1, "glad": -1},
    }
    change = {
        "checkpoints": {name: {**how, **own} for name, own in FOUR.items()},
        "schemes": {"mood": scheme},
    }
    config = folder / "four.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    point = "alpha=0.600_beta=-0.300"
    merged = f"results/merged/mood/{point}"
    written = f"results/generations/neutral/mood/{point}/samples=0-3.jsonl"
    run = snakemake(folder, merged, written, configfile=config, root=code)
    assert run.returncode == 0, run.stdout + run.stderr

    experts = {
        name: load_file(folder / "results/checkpoints" / name / checkpoints.WEIGHTS)
        for name in FOUR
    }
    held = [records.weight_hashes(folder / "results/checkpoints" / name) for name in FOUR]
    assert len(set(map(str, held))) == 4, "a seed of its own makes another expert of the same text"
    sums = {"glad": 0.25 + 0.3, "merry": 0.6, "glum": -0.3 - 0.3, "moody": 0.75 - 0.3}
    assert sum(sums.values()) == pytest.approx(1)
    found = load_file(folder / merged / checkpoints.WEIGHTS)
    assert found.keys() == experts["glad"].keys()
    for name, value in found.items():
        parts = [c * experts[expert][name].astype(np.float64) for expert, c in sums.items()]
        bound = 4 * np.finfo(np.float32).eps * sum(map(np.abs, parts))
        assert (np.abs(value - sum(parts)) <= bound).all(), name

    rows = files.read_jsonl(folder / written)
    assert len(rows) == 6 * 4 and len({(r["prompt_id"], r["sample_id"]) for r in rows}) == 24
    own = [r for r in rows if r["sample_id"] < 3]
    assert [r["text"] for r in own] == texts_of(folder / merged, own)
    assert planned(folder, root=code) == {}, "what is there already is not made again"


def test_a_report_shows_the_figures_with_their_captions(done, code):
    run = snakemake(done, "--report", "report.html", root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    page = (done / "report.html").read_text()
    for words in (
        *(f"fig{n}.png" for n in range(3, 12)),
        "Grammar: P(a word needs no edit): of 3 continuations",
        "200 bootstrap resamples",
        "The movie was",
    ):
        assert words in page, words


LEFT_OVER = re.compile("results/(generations|scores|losses|divergence|next_words)/")


def test_what_another_config_left_is_listed(done, code):
    """As the README says: with one alpha less, its texts and scores are nobody's."""
    config = done / "less.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, at(g1=[0, 0.5, 1]))))

    def listed(**which):
        run = snakemake(done, "--list-untracked", root=code, **which)
        return {line for line in run.stdout.splitlines() if LEFT_OVER.match(line)}

    left = listed(configfile=config) - listed()
    assert len(left) == 2 * (1 + 4) + 2
    assert all("alpha=-0.500" in path for path in left)


def test_a_folder_can_be_emptied(done, code, tmp_path):
    """As the README says: all that was made goes, logs, seconds and inputs stay."""
    folder = shutil.copytree(done, tmp_path / "run")
    run = snakemake(folder, "all", "--delete-all-output", root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    for name in ("checkpoints", "data", "generations", "scores", "tables", "figures"):
        assert not [p for p in (folder / "results" / name).rglob("*") if p.is_file()], name
    assert list((folder / "results" / "logs").rglob("*.log"))
    assert (folder / "inputs" / "base").exists()


def test_the_benchmarks_measure_a_finished_run(done, tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "run.py", "decoding", "finetuning", "--quick"]
    ran = subprocess.run(
        [*command, "--results", done / "results", "--out", tmp_path], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    table = pd.read_csv(tmp_path / "decoding.csv")
    ours = table[table["side"] == "ours"]
    assert (ours["ours_is_times_as_fast"] == 1).all() and len(ours) == 2
    assert (ours["amount"] == 6 * 4).all() and (table["rate"] > 0).all()
    assert pd.read_csv(tmp_path / "finetuning.csv")["of_peak"].between(0, 1).iloc[0]


def test_a_ratio_is_of_two_sides_of_the_same_round():
    """A machine that was half as fast in one round changes none."""
    from run import table

    quick = {"a": {"seconds": 1.0, "amount": 8}, "b": {"seconds": 2.0, "amount": 8}}
    slow = {"a": {"seconds": 2.0, "amount": 8}, "b": {"seconds": 5.0, "amount": 8}}
    a, b = table([quick, slow, quick], "a")
    assert (a["least"], a["ours_is_times_as_fast"], a["most"]) == (1, 1, 1)
    assert (b["least"], b["ours_is_times_as_fast"], b["most"]) == (2, 2, 2.5)
    assert (a["rate"], b["rate"]) == (8, 4)
