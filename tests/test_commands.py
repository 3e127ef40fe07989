"""Commands in the folder of a finished run: targets, reports, additions by config alone."""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
from tiny_dag import ALPHAS, GENERATIONS, SAMPLES, TINY, continuations_by, with_alphas


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of the finished run. A test may change it."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def must_run(folder, workflow_copy):
    """Run a command in that folder, with `change` merged into the config. It must succeed."""

    def run(*arguments: str, change: dict | None = None):
        config = folder / "changed.yaml"
        config.write_text(yaml.safe_dump(laid_over(TINY, change or {})))
        process = snakemake(folder, *arguments, configfile=config, root=workflow_copy)
        assert process.returncode == 0, process.stdout + process.stderr
        return process

    return run


def test_merged_weights_are_deleted_after_use_unless_the_config_keeps_them(
    finished, folder, must_run
):
    kept = sorted((finished / "results" / "merged" / "g1").iterdir())
    assert [f.name for f in kept] == [f"alpha={alpha}" for alpha in ALPHAS]
    for merged in kept:
        models.load_causal_lm(merged)
    words = "results/next_words/sentiment/g1/alpha=0.250.csv"
    must_run(words, "--config", "keep_merged=False")
    assert (folder / words).exists()
    assert not (folder / "results/merged/g1/alpha=0.250").exists()


def test_a_second_scorer_of_perplexity_is_trained_on_text_that_no_expert_saw(
    folder, must_run, workflow_copy
):
    """On request. One more scorer adds a panel to figure 5."""
    finetuning = {"learning_rate": [1e-4], "batch_size": [8], "steps": [6]}
    reviewer = {**DEFAULT["checkpoints"]["reviewer"], "finetuning": finetuning}
    reviews = {"kind": "perplexity", "model": "reviewer", "unigrams": ["reviews"]}
    change = {"checkpoints": {"reviewer": reviewer}, "scorers": {"reviews": reviews}}
    target = f"results/scores/neutral/g2/reviews/alpha=0.000/{SAMPLES}.csv"
    must_run(target, change=change)
    scores = pd.read_csv(folder / target)
    assert scores["nll"].gt(0).eq(scores["n_tokens"] > 0).all() and scores["nll"].gt(0).any()
    losses = pd.read_csv(folder / "results/candidates/reviewer/lr=0.0001_batch=8_steps=6.csv")
    assert losses["validation_perplexity"].iloc[-1] < losses["validation_perplexity"].iloc[0]
    assert planned(folder, configfile=folder / "changed.yaml", root=workflow_copy) == {
        "perplexity": GENERATIONS - 1,
        "barriers": 1,
        "training_tables": 1,
        "sweep_table": 2,
        "two_lines_table": 1,
        "fig3": 1,
        "fig5": 1,
    }


def test_a_merged_checkpoint_of_any_alpha_is_kept_on_request(folder, must_run, workflow_copy):
    """As the README says. Existing texts are not generated again."""
    target = "results/merged/g1/alpha=0.600"
    must_run(target, "--config", "keep_merged=True")
    models.load_causal_lm(folder / target)
    assert planned(folder, root=workflow_copy) == {}


def test_a_figure_is_a_target(finished, workflow_copy):
    run = snakemake(finished, "fig3", "--dry-run", root=workflow_copy)
    assert run.returncode == 0 and "Nothing to be done" in run.stdout + run.stderr


def test_a_base_model_of_another_name_gets_experts_too(folder, must_run, tokenizer):
    """A new source, its checkpoint and an expert of that checkpoint, by config alone."""
    save(tiny("gpt2", tokenizer), tokenizer, folder / "inputs" / "other")
    change = {
        "sources": {"other": {"kind": "path", "path": "inputs/other"}},
        "checkpoints": {
            "other": {"kind": "source", "source": "other"},
            "glad": {**DEFAULT["checkpoints"]["positive"], "of": "other"},
        },
    }
    target = "results/checkpoints/glad"
    must_run(target, change=change)
    shape = json.loads((folder / target / "config.json").read_text())
    assert shape["model_type"] == "gpt2"


#: four experts of one base that differ in their text or in their seed
FOUR = {
    "glad": {"poles": ["positive"], "seed": 1},
    "merry": {"poles": ["positive"], "seed": 2},
    "glum": {"poles": ["negative"], "seed": 3},
    "moody": {"poles": ["negative", "positive"]},
}


def test_a_scheme_over_four_experts_by_config_alone(folder, must_run, workflow_copy):
    """Experts, a scheme of two coordinates over them, a merged checkpoint and its texts."""
    settings = {"kind": "finetuned", "of": "base", "attribute": "sentiment"}
    settings["finetuning"] = {"learning_rate": [1e-2]}
    scheme = {
        "origin": {"glad": 0.25, "moody": 0.75},
        "alpha": {"merry": 1, "glum": -0.5, "moody": -0.5},
        "beta": {"glum": 1, "glad": -1},
    }
    point = "alpha=0.600_beta=-0.300"
    merged = f"results/merged/mood/{point}"
    samples = f"results/generations/neutral/mood/{point}/samples=0-3.jsonl"
    change = {
        "checkpoints": {name: {**settings, **expert} for name, expert in FOUR.items()},
        "schemes": {"mood": scheme},
    }
    must_run(merged, samples, change=change)

    folders = {name: folder / "results/checkpoints" / name for name in FOUR}
    hashes = {str(records.weight_hashes(expert)) for expert in folders.values()}
    assert len(hashes) == 4, "experts with the same text differ by their seed"
    weights = {name: load_file(path / checkpoints.WEIGHTS) for name, path in folders.items()}
    coefficients = {"glad": 0.25 + 0.3, "merry": 0.6, "glum": -0.3 - 0.3, "moody": 0.75 - 0.3}
    assert sum(coefficients.values()) == pytest.approx(1)
    tensors = load_file(folder / merged / checkpoints.WEIGHTS)
    assert tensors.keys() == weights["glad"].keys()
    for name, tensor in tensors.items():
        terms = [c * weights[e][name].astype(np.float64) for e, c in coefficients.items()]
        bound = 4 * np.finfo(np.float32).eps * sum(map(np.abs, terms))
        assert (np.abs(tensor - sum(terms)) <= bound).all(), name

    rows = files.read_jsonl(folder / samples)
    assert len(rows) == 6 * 4 and len({(r["prompt_id"], r["sample_id"]) for r in rows}) == 24
    first_three = [r for r in rows if r["sample_id"] < 3]
    assert [r["text"] for r in first_three] == continuations_by(folder / merged, first_three)
    assert planned(folder, root=workflow_copy) == {}, "existing results are not made again"


def test_a_report_shows_the_figures_with_their_captions(folder, must_run):
    must_run("--report", "report.html")
    page = (folder / "report.html").read_text()
    for words in (
        *(f"fig{n}.png" for n in range(3, 12)),
        "Grammar: P(a word needs no edit), of 3 continuation(s)",
        "200 bootstrap resamples",
        "The movie was",
    ):
        assert words in page, words


MEASURED = re.compile("results/(generations|scores|losses|divergence|next_words)/")


def test_files_that_the_config_no_longer_needs_are_listed(must_run):
    """As the README says: with one alpha less, no sweep needs its texts and scores."""

    def untracked(change: dict) -> set[str]:
        run = must_run("--list-untracked", change=change)
        return {line for line in run.stdout.splitlines() if MEASURED.match(line)}

    unused = untracked(with_alphas(g1=[0, 0.5, 1])) - untracked({})
    assert len(unused) == 2 * (1 + 4) + 2
    assert all("alpha=-0.500" in path for path in unused)


def test_all_results_can_be_deleted(folder, must_run):
    """As the README says: results are deleted; logs, benchmarks and inputs stay."""
    must_run("all", "--delete-all-output")
    for name in ("checkpoints", "data", "generations", "scores", "tables", "figures"):
        assert not [p for p in (folder / "results" / name).rglob("*") if p.is_file()], name
    assert list((folder / "results" / "logs").rglob("*.log"))
    assert (folder / "inputs" / "base").exists()


def test_the_benchmarks_measure_a_finished_run(finished, tmp_path):
    """Both comparisons run at the same time, because the test does not check their speeds."""

    def compare(name: str) -> subprocess.CompletedProcess:
        command = [sys.executable, ROOT / "benchmarks" / "run.py", name, "--quick"]
        command += ["--results", finished / "results", "--out", tmp_path]
        return subprocess.run(command, capture_output=True, text=True)

    with ThreadPoolExecutor() as pool:
        for run in pool.map(compare, ["decoding", "finetuning"]):
            assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(tmp_path / "decoding.csv")
    ours = table[table["side"] == "ours"]
    assert (ours["ours_is_times_as_fast"] == 1).all() and len(ours) == 2
    assert (ours["amount"] == 6 * 4).all() and (table["rate"] > 0).all()
    assert pd.read_csv(tmp_path / "finetuning.csv")["of_peak"].between(0, 1).iloc[0]


def test_a_ratio_compares_the_two_sides_within_one_round():
    """A round at half the machine's speed changes no ratio."""
    from run import table

    quick = {"a": {"seconds": 1.0, "amount": 8}, "b": {"seconds": 2.0, "amount": 8}}
    slow = {"a": {"seconds": 2.0, "amount": 8}, "b": {"seconds": 5.0, "amount": 8}}
    a, b = table([quick, slow, quick], "a")
    assert (a["least"], a["ours_is_times_as_fast"], a["most"]) == (1, 1, 1)
    assert (b["least"], b["ours_is_times_as_fast"], b["most"]) == (2, 2, 2.5)
    assert (a["rate"], b["rate"]) == (8, 4)


def test_check_of_two_directories_is_printed_and_made_again_when_one_changes(folder, must_run):
    experts = [
        f"model_{key}=results/checkpoints/{n}" for key, n in (("a", "positive"), ("b", "negative"))
    ]
    run = must_run("check", "--config", *experts)
    report = (folder / "results/check/report.txt").read_text()
    assert report in run.stdout and "model_a = results/checkpoints/positive\n" in report
    again = must_run("check", "--config", *experts)
    assert "Nothing to be done" in again.stdout + again.stderr
    weights = folder / "results/checkpoints/negative/model.safetensors"
    weights.write_bytes(weights.read_bytes())
    assert report in must_run("check", "--config", *experts).stdout


@pytest.mark.parametrize(
    ("directories", "line"),
    [
        ([], "config: model_a: check needs two models: --config model_a=DIR"),
        (["model_a=results/checkpoints/positive"], "config: model_b: check needs two models: "),
        (
            ["model_a=results", "model_b=results"],
            "config: model_a: results: no HF directory that can be read",
        ),
    ],
)
def test_check_without_two_models_is_refused_in_one_line(folder, workflow_copy, directories, line):
    config = ["--config", *directories] if directories else []
    run = snakemake(folder, "check", *config, root=workflow_copy)
    assert run.returncode != 0 and line in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_pick_prints_its_report_and_writes_the_coefficients_of_the_point(folder, must_run):
    run = must_run("pick", change={"pick": {"level": None, "cost": 100}})
    report = (folder / "results/pick/report.txt").read_text()
    assert report in run.stdout and "PICKED: α = " in report
    choice = json.loads((folder / "results/pick/choice.json").read_text())
    alpha = choice["point"]["alpha"]
    assert choice["scheme"] == "g2" and float(choice["coefficients"]["positive"]) == float(alpha)
    rows = pd.read_csv(folder / "results/pick/points.csv", dtype={"at": str})
    assert set(rows["half"]) == {"choosing", "held"} and alpha in set(rows["at"])
    must_run("pick", change={"pick": {"level": 2, "cost": 100}})
    assert "NONE: " in (folder / "results/pick/report.txt").read_text()
    assert json.loads((folder / "results/pick/choice.json").read_text())["point"] is None
