"""Commands on the folder of a finished run: targets, reports, additions by config alone."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from conftest import DEFAULT, ROOT, laid_over, save, tiny
from paramlerp.jobs import files
from paramlerp.lm import models
from paramlerp.weights import checkpoints, records
from runs import planned, snakemake
from tiny_dag import ALPHAS, GENERATIONS, SAMPLES, TINY, at, texts_of


def test_merged_weights_are_kept_or_dropped_when_read(finished, workflow_copy):
    kept = sorted((finished / "results" / "merged" / "g1").iterdir())
    assert [f.name for f in kept] == [f"alpha={alpha}" for alpha in ALPHAS]
    for folder in kept:
        models.load_causal_lm(folder)
    words = "results/next_words/sentiment/g1/alpha=0.250.csv"
    run = snakemake(finished, words, "--config", "keep_merged=False", root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (finished / words).exists()
    assert not (finished / "results/merged/g1/alpha=0.250").exists()


def test_a_judge_of_fluency_from_text_that_no_expert_saw(finished, workflow_copy):
    """On request: one more scorer makes figure 5 one panel wider."""
    setting = {"learning_rate": [1e-4], "batch_size": [8], "steps": [6]}
    reviewer = {**DEFAULT["checkpoints"]["reviewer"], "finetuning": setting}
    change = {
        "checkpoints": {"reviewer": reviewer},
        "scorers": {
            "reviews": {"kind": "perplexity", "model": "reviewer", "unigrams": ["reviews"]}
        },
    }
    config = finished / "judge.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    target = f"results/scores/neutral/g2/reviews/alpha=0.000/{SAMPLES}.csv"
    run = snakemake(finished, target, configfile=config, root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    assert pd.read_csv(finished / target)["nll"].gt(0).all()
    losses = pd.read_csv(finished / "results/candidates/reviewer/lr=0.0001_batch=8_steps=6.csv")
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]
    more = planned(finished, configfile=config, root=workflow_copy)
    assert more == {"perplexity": GENERATIONS - 1, "barriers": 1, "training_tables": 1, **LINES}
    for name in ("scores/neutral/g2/reviews", "checkpoints/reviewer", "candidates/reviewer"):
        shutil.rmtree(finished / "results" / name)


def test_a_dialled_model_of_any_alpha_is_kept_on_request(finished, workflow_copy):
    """As the README says; and texts that are there stay as they are."""
    target = "results/merged/g1/alpha=0.600"
    run = snakemake(finished, target, "--config", "keep_merged=True", root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    models.load_causal_lm(finished / target)
    assert planned(finished, root=workflow_copy) == {}


def test_targets_of_their_own(finished, workflow_copy):
    run = snakemake(finished, "fig3", "--dry-run", root=workflow_copy)
    assert run.returncode == 0 and "Nothing to be done" in run.stdout + run.stderr


def test_a_base_of_another_name_gets_experts_too(finished, workflow_copy, tokenizer):
    """A source, a checkpoint of it and an expert of that, by config alone."""
    save(tiny("gpt2", tokenizer), tokenizer, finished / "inputs" / "other")
    change = {
        "sources": {"other": {"kind": "path", "path": "inputs/other"}},
        "checkpoints": {
            "other": {"kind": "source", "source": "other"},
            "glad": {**DEFAULT["checkpoints"]["positive"], "of": "other"},
        },
    }
    config = finished / "other.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, change)))
    target = "results/checkpoints/glad"
    run = snakemake(finished, target, configfile=config, root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    shape = json.loads((finished / target / "config.json").read_text())
    assert shape["model_type"] == "gpt2"
    for name in ("checkpoints/glad", "checkpoints/other", "candidates/glad"):
        shutil.rmtree(finished / "results" / name)


#: four experts of one base that differ in their text or in their seed
FOUR = {
    "glad": {"poles": ["positive"], "seed": 1},
    "merry": {"poles": ["positive"], "seed": 2},
    "glum": {"poles": ["negative"], "seed": 3},
    "moody": {"poles": ["negative", "positive"]},
}


def test_a_scheme_over_four_experts_by_config_alone(finished, workflow_copy, tmp_path):
    """Experts, a scheme of two coordinates over them, its models and their texts."""
    folder = shutil.copytree(finished, tmp_path / "run")
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
    run = snakemake(folder, merged, written, configfile=config, root=workflow_copy)
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
    assert planned(folder, root=workflow_copy) == {}, "what is there already is not made again"


def test_a_report_shows_the_figures_with_their_captions(finished, workflow_copy):
    run = snakemake(finished, "--report", "report.html", root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    page = (finished / "report.html").read_text()
    for words in (
        *(f"fig{n}.png" for n in range(3, 12)),
        "Grammar: P(a word needs no edit): of 3 continuations",
        "200 bootstrap resamples",
        "The movie was",
    ):
        assert words in page, words


LEFT_OVER = re.compile("results/(generations|scores|losses|divergence|next_words)/")


def test_what_another_config_left_is_listed(finished, workflow_copy):
    """As the README says: with one alpha less, its texts and scores are nobody's."""
    config = finished / "less.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, at(g1=[0, 0.5, 1]))))

    def listed(**which):
        run = snakemake(finished, "--list-untracked", root=workflow_copy, **which)
        return {line for line in run.stdout.splitlines() if LEFT_OVER.match(line)}

    left = listed(configfile=config) - listed()
    assert len(left) == 2 * (1 + 4) + 2
    assert all("alpha=-0.500" in path for path in left)


def test_a_folder_can_be_emptied(finished, workflow_copy, tmp_path):
    """As the README says: all that was made goes, logs, seconds and inputs stay."""
    folder = shutil.copytree(finished, tmp_path / "run")
    run = snakemake(folder, "all", "--delete-all-output", root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    for name in ("checkpoints", "data", "generations", "scores", "tables", "figures"):
        assert not [p for p in (folder / "results" / name).rglob("*") if p.is_file()], name
    assert list((folder / "results" / "logs").rglob("*.log"))
    assert (folder / "inputs" / "base").exists()


def test_the_benchmarks_measure_a_finished_run(finished, tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "run.py", "decoding", "finetuning", "--quick"]
    ran = subprocess.run(
        [*command, "--results", finished / "results", "--out", tmp_path],
        capture_output=True,
        text=True,
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
