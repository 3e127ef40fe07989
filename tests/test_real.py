"""The default run at a small size, a few minutes long: real weights, reviews and scorers."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from conftest import ROOT
from paramlerp.jobs import files
from runs import snakemake_command, started, wait_for

pytestmark = pytest.mark.real


REAL = {"configfile": ROOT / "tests" / "real.yaml"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The results of the finished run."""
    folder = tmp_path_factory.mktemp("real")
    run = snakemake_command(folder, "--cores", "2", **REAL)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "results"


def test_training_lowers_perplexity_and_the_scorer_separates_the_poles(done):
    table = pd.read_csv(done / "tables/table1.csv").set_index("checkpoint")
    table = table.loc[["positive", "negative"]]  # films_1 was pretrained on few texts
    before, after = table["validation_perplexity_before"], table["validation_perplexity"]
    assert (after < before / 1.5).all(), "20 steps of 8 sentences"
    judge = pd.read_csv(done / "tables/sentiment_judge_classifier.csv")
    auc = judge.query("calibrated == 'no'").set_index("domain")["auc"]
    assert auc["reviews"] > 0.8 and auc["editorials"] > 0.65


def test_texts_are_english_words_and_sentiment_follows_alpha(done):
    for alpha in ("0.000", "0.500", "1.000"):
        rows = files.read_jsonl(done / f"generations/neutral/g1/alpha={alpha}/samples=0-1.jsonl")
        assert len(rows) == 20
        words = [w for r in rows for w in r["text"].split()]
        assert len(words) > 100 and np.mean([w.isascii() for w in words]) > 0.9
    g1 = pd.read_csv(done / "tables/g1.csv").set_index("alpha")
    assert g1.loc[1, "sentiment"] > g1.loc[0, "sentiment"]
    assert (g1["perplexity"] < 500).all() and (g1["grammar"].between(0.3, 1)).all()


def test_merged_weights_obey_eq_1_and_load_in_transformers(done):
    merged = done / "merged/g1/alpha=0.500"
    out = load_file(merged / "model.safetensors")
    plus, minus = (
        load_file(done / "checkpoints" / p / "model.safetensors") for p in ("positive", "negative")
    )
    assert out.keys() == plus.keys()
    for name, value in out.items():
        a, b = 0.5 * plus[name].astype(np.float64), 0.5 * minus[name].astype(np.float64)
        bound = 4 * np.finfo(np.float32).eps * (np.abs(a) + np.abs(b))
        assert (np.abs(value - (a + b)) <= bound).all(), name
    model = AutoModelForCausalLM.from_pretrained(merged)
    ids = AutoTokenizer.from_pretrained(merged)("The movie was", return_tensors="pt")
    with torch.inference_mode():
        assert torch.isfinite(model(**ids).logits).all()


def test_next_words_follow_alpha(done):
    trends = pd.read_csv(done / "tables/g1_next_word_trends.csv").set_index("word")
    assert (trends["n_tokens"] == 1).all()
    assert (trends.query("pole == 'negative'")["log_slope"] < 0).mean() > 0.7
    assert trends.loc["enjoyable", "log_slope"] > 0 > trends.loc["bad", "log_slope"]


def test_the_line_from_the_base_model_to_its_permuted_copy_has_a_barrier(done):
    """The copy computes the same as the base model, but the mean of both is a ruined model."""
    model, copy = (
        AutoModelForCausalLM.from_pretrained(done / "checkpoints" / name)
        for name in ("base", "base_permuted")
    )
    tokenizer = AutoTokenizer.from_pretrained(done / "checkpoints/base")
    ids = tokenizer("The movie was fun", return_tensors="pt")
    with torch.inference_mode():
        torch.testing.assert_close(model(**ids).logits, copy(**ids).logits, rtol=1e-4, atol=1e-4)
    barriers = pd.read_csv(done / "tables/pairs_barriers.csv")
    row = barriers.query("scheme == 'permuted_base' and definition == 'entezari'").iloc[0]
    assert row["low"] > 2 and row["at"] == 0.5
    finetuned = barriers.query("scheme == 'finetuned' and definition == 'entezari'")
    assert finetuned["within_margin"].all()


def test_kills_and_another_number_of_cores_change_no_byte(done, tmp_path):
    """A run on one core ends in the same bytes as one on two cores.

    `kill -9` ends the process group during each of four kinds of jobs: an expert's training, the
    scorer's training, generation and scoring. The same command continues each time.
    """
    arguments = ["--cores", "1", "--config", "save_minutes=0.2"]
    results = tmp_path / "results"
    moments = {
        "candidate": lambda: list(results.glob("unfinished/candidate-*/*/step=*")),
        "train_classifier": lambda: list(results.glob("unfinished/train_classifier-*/*/step=*")),
        "generate": lambda: running(results / "logs/generate", results / "generations"),
        "perplexity": lambda: running(results / "logs/perplexity", results / "scores"),
    }
    # Snakemake decides the order in which the rules come.
    while moments:
        with started(tmp_path, *arguments, **REAL) as process:
            rule = wait_for(
                lambda: [rule for rule, at_work in moments.items() if at_work()],
                process,
                f"one of {', '.join(moments)} at work",
                seconds=900,
            )[0]
            time.sleep(2)
            assert moments.pop(rule)(), f"the job of {rule} ended before the kill"
    run = snakemake_command(tmp_path, *arguments, **REAL)
    assert run.returncode == 0, run.stdout + run.stderr
    for rule in ("candidate", "train_classifier"):
        logs = [log.read_text() for log in (results / "logs" / rule).rglob("*.log")]
        assert any("resuming from step" in text for text in logs), rule
    compared = 0
    for path in sorted(done.rglob("*")):
        relative = path.relative_to(done)
        if path.is_file() and relative.parts[0] not in TIMED and not path.name.startswith("."):
            assert path.read_bytes() == (results / relative).read_bytes(), relative
            compared += 1
    assert compared > 100


#: folders whose files hold times, which differ between two runs
TIMED = ("logs", "benchmarks")


def running(logs: Path, outputs: Path) -> list[Path]:
    """Jobs that have opened their log and not yet written their sample file."""
    begun = [log.relative_to(logs).with_suffix("") for log in logs.rglob("*.log")]
    return [job for job in begun if not list(outputs.glob(f"{job.parent}/samples={job.name}.*"))]
