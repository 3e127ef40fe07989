"""The whole DAG on tiny models: what it leaves behind, and what it runs again."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import (
    ROOT,
    make_inputs,
    save,
    snakemake,
    tiny,
)
from paramlerp import checkpoints, decoding, files, models

ALPHAS = ["-0.500", "0.000", "0.500", "1.000"]


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
    assert held() == before, "nothing is written beside the code"
    return folder


def table(done, name):
    return pd.read_csv(done / "results" / "tables" / f"{name}.csv", dtype={"alpha": str})


def test_names_that_others_rely_on(done):
    results = done / "results"
    for name in ("base", "experts/positive", "experts/negative"):
        assert (results / name / checkpoints.WEIGHTS).exists()
    for alpha in ALPHAS:
        assert (results / "generations" / "neutral" / "g1" / f"alpha={alpha}.jsonl").exists()
        for scorer in ("sentiment", "grammar", "perplexity", "vader"):
            assert (results / "scores/neutral/g1" / scorer / f"alpha={alpha}.csv").exists()
    assert (results / "figures" / "fig3.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (results / "figures" / "fig3.svg").read_text()
    assert (results / "examples" / "g1.md").exists()


def test_merged_weights_are_dropped_unless_kept(done):
    assert not list((done / "results").glob("merged/g1/alpha=*"))


def test_generations(done):
    rows = files.read_jsonl(done / "results/generations/neutral/g1/alpha=0.500.jsonl")
    assert len(rows) == 6 * 3
    assert list(rows[0]) == ["prompt_id", "sample_id", "prompt", "text", "n_tokens", "ended"]
    assert all(0 <= r["n_tokens"] <= 8 and (r["ended"] or r["n_tokens"] == 8) for r in rows)


def test_the_ends_of_g1_are_the_experts(done, tokenizer):
    """Texts at alpha = 0 and 1 are those of theta- and theta+, read from their own folders."""
    for alpha, pole in (("0.000", "negative"), ("1.000", "positive")):
        rows = files.read_jsonl(done / f"results/generations/neutral/g1/alpha={alpha}.jsonl")
        model, own = models.load_causal_lm(done / "results" / "experts" / pole)
        prompts = list(dict.fromkeys(r["prompt"] for r in rows))
        ids = [models.encode(own, p) for p in prompts]
        streams = np.array([[decoding.uniforms(1, p, s, 8) for s in range(3)] for p in prompts])
        source = decoding.ModelLogits(model)
        texts = decoding.generate(
            source, ids, streams, top_p=0.9, eos=own.eos_token_id, max_rows=16
        )
        expected = [
            decoding.text_of(own, p, t.ids) for p, row in zip(ids, texts, strict=True) for t in row
        ]
        assert [r["text"] for r in rows] == expected


def test_g1_table(done):
    g1 = table(done, "g1")
    assert g1["alpha"].tolist() == ALPHAS * 2
    assert g1["prompts"].tolist() == ["neutral"] * 4 + ["glad"] * 4
    metrics = ["sentiment", "positive_share", "grammar", "perplexity", "perplexity_median"]
    metrics += ["perplexity_mean", "dist1", "dist2", "dist3", "length", "repetition"]
    metrics += ["slor", "vader"]
    for metric in metrics:
        low, value, high = (g1[f"{metric}{s}"] for s in ("_low", "", "_high"))
        assert ((low <= value + 1e-9) & (value <= high + 1e-9)).all(), metric
    assert list(g1.columns[-2:]) == ["n_texts", "n_empty"]
    assert g1["n_texts"].tolist() == [18] * 4 + [9] * 4


def test_the_table_is_what_the_scores_say(done):
    """The mean sentiment and corpus perplexity, worked out again from the scores' files."""
    row = table(done, "g1").query("prompts == 'neutral' and alpha == '0.500'").iloc[0]
    scores = done / "results/scores/neutral/g1"
    sentiment = pd.read_csv(scores / "sentiment/alpha=0.500.csv")
    assert row["sentiment"] == pytest.approx(sentiment["score"].mean())
    assert row["positive_share"] == pytest.approx((sentiment["positive"] > 0.5).mean())
    likelihood = pd.read_csv(scores / "perplexity/alpha=0.500.csv")
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


def test_training_tables_say_what_was_run(done):
    table1, table2 = table(done, "table1"), table(done, "table2")
    assert len(table1) == 2 * 2 and len(table2) == 2
    for pole in ("positive", "negative"):
        own = table1[table1["pole"] == pole]
        best = own.loc[own["validation_perplexity"].idxmin()]
        assert (table2.set_index("pole").loc[pole] == best.drop("pole")).all()
        folder = done / "results/candidates" / pole
        chosen = folder / f"lr={best['learning_rate']:g},batch=8,steps=12"
        assert checkpoints.hashes(done / "results/experts" / pole) == checkpoints.hashes(chosen)
    losses = pd.read_csv(next((done / "results/candidates/positive").glob("*.csv")))
    assert losses["step"].tolist() == [0, 6, 12]
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]


def test_the_classifier_learned_and_was_tested_elsewhere(done):
    summary = table(done, "sentiment_classifier").set_index("domain")
    assert summary.loc["reviews", "auc"] > 0.95
    assert list(summary.index) == ["reviews", "editorials"]
    assert {"calibration_error", "accuracy_low"} <= set(summary.columns)


def test_scorers_and_experts_share_no_text(done):
    def texts(part):
        paths = (done / "results/data" / part).rglob("*.jsonl")
        return {r["text"] for path in paths for r in files.read_jsonl(path)}

    parts = [texts(p) for p in ("experts", "classifier", "language_model")]
    assert all(parts)
    assert len(parts[0] | parts[1] | parts[2]) == sum(map(len, parts))


def test_nothing_to_do_again(done, code):
    assert planned(done, root=code) == {}


AFTER_TEXTS = {"sweep_table": 1, "examples": 1, "fig3": 1}


def test_one_more_alpha_is_one_more_chain(done, code):
    config = done / "more.yaml"
    config.write_text((ROOT / "tests/tiny.yaml").read_text().replace("0.5, 1]", "0.5, 0.75, 1]"))
    jobs = planned(done, configfile=config, root=code)
    scores = {"classify": 2, "tag": 2, "vader": 2, "perplexity": 2}
    assert jobs == {"merge": 1, "generate": 2, **scores, **AFTER_TEXTS}


def edited(file: Path, done: Path, code: Path) -> dict[str, int]:
    """The jobs that run again when a file of the workflow says something else."""
    content = file.read_text()
    try:
        file.write_text(content + "\n# an edit\n")
        return planned(done, root=code)
    finally:
        file.write_text(content)


def test_an_edit_of_the_decoder_makes_texts_again_but_no_expert(done, code):
    jobs = edited(code / "workflow/scripts/paramlerp/decoding.py", done, code)
    scores = {"classify": 8, "tag": 8, "vader": 8, "perplexity": 8}
    assert jobs == {"merge": 4, "generate": 8, **scores, **AFTER_TEXTS}


def test_an_edit_of_the_metrics_makes_the_tables_again_but_no_text(done, code):
    jobs = edited(code / "workflow/scripts/paramlerp/metrics.py", done, code)
    assert jobs == {"sweep_table": 1, "fig3": 1}


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
    """The experts' rule takes the base as a wildcard: results/experts-{model}/{pole}."""
    save(tiny("gpt2", tokenizer), tokenizer, done / "inputs" / "other")
    config = done / "other.yaml"
    text = (ROOT / "tests/tiny.yaml").read_text()
    config.write_text(
        text.replace("sources:", "sources:\n  other: {kind: path, path: inputs/other}")
    )
    target = "results/experts-other/positive"
    run = snakemake(done, target, configfile=config, root=code)
    assert run.returncode == 0, run.stdout + run.stderr
    shape = json.loads((done / target / "config.json").read_text())
    assert shape["model_type"] == "gpt2"
    shutil.rmtree(done / "results/experts-other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seeed: 1", "config: (top level): unknown key seeed"),
        ("experts: {stepz: [3]}", "config: experts: unknown key stepz"),
        ("generation: {top_p: 1.5}", "config: generation.top_p: 1.5 is greater"),
        ("sweeps: {g1: {alphas: [0, 0.0]}}", "config: sweeps.g1.alphas: 0.000 is there twice"),
        (
            "sources: {base: {kind: path, path: /nowhere}}",
            "sources.base.path: no such file or folder: /nowhere",
        ),
    ],
)
def test_a_mistake_in_the_config_is_one_line(tmp_path, change, message):
    config = tmp_path / "mistake.yaml"
    config.write_text(change + "\n")
    run = snakemake(tmp_path, "--dry-run", configfile=config)
    assert run.returncode != 0
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_mistake_in_the_data_names_file_and_row(tmp_path, tokenizer):
    make_inputs(tmp_path / "inputs", tokenizer)
    with open(tmp_path / "inputs/reviews.jsonl", "a") as file:
        file.write('{"text": 3, "label": 1}\n')
    run = snakemake(tmp_path, "results/data/experts/positive/train.jsonl")
    assert run.returncode != 0
    assert "error: inputs/reviews.jsonl: row 961: text: not text: 3" in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert not (tmp_path / "results/data/experts").exists()
