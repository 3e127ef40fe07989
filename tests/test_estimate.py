"""The estimated cost of a config, compared with measured costs and with sums by hand."""

import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from conftest import DEFAULT, ROOT, SCHEMES, laid_over, over_default, save, tiny
from paramlerp.jobs.errors import UserError
from paramlerp.plan import estimate
from runs import snakemake
from tiny_dag import TINY

PAPER = over_default(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text()))


def by_name(rows: list[dict]) -> dict[str, dict]:
    """The rows of an estimate by the value of their first column."""
    return {next(iter(row.values())): row for row in rows}


def test_the_estimate_of_the_default_run_fits_its_measured_cost():
    """Core seconds of its jobs by stage (47 minutes on 2 cores), and its 12 GB on disk.

    Not of classifiers, which it overrates (303 for 82): it takes an embedding for work, and 4 s for
    the start of a job that is a fork.
    """
    stages, disk = map(by_name, estimate.estimate(over_default({})).values())
    measured = {"candidate": 302, "pretrain": 268, "generate": 494, "losses": 237}
    measured |= {"ensemble": 838}
    measured |= {"perplexity perplexity": 1059, "generate_line": 319, "line_losses": 458}
    for stage, seconds in measured.items():
        assert 3600 * stages[stage]["hours"] == pytest.approx(seconds, rel=0.5), stage
    # The plane's own texts and losses, in the same run.
    plane, _ = map(by_name, estimate.estimate(over_default({"sweeps": {"pairs": None}})).values())
    hours = plane["generate_line"]["hours"] + plane["line_losses"]["hours"]
    assert 3600 * hours == pytest.approx(613, rel=0.5)
    total = 3600 * sum(row["hours"] for row in stages.values())
    assert total == pytest.approx(4600, rel=0.25)
    assert sum(row["kept_gb"] for row in disk.values()) == pytest.approx(12, rel=0.25)
    assert not any(row["gpu_hours"] for row in stages.values())


def test_the_paper_s_pretraining_by_hand():
    """37,000 steps of 1024 x 1024 tokens, 6 FLOPs a parameter, on eight GPUs."""
    stages, disk = map(by_name, estimate.estimate(PAPER).values())
    seconds = 6 * 82e6 * 37_000 * 1024 * 1024 / 8 / PAPER["estimate"]["pretraining"]
    assert stages["pretrain"]["hours"] == pytest.approx(seconds / 3600, rel=0.01)
    assert stages["pretrain"]["gpu_hours"] == 8 * stages["pretrain"]["hours"]
    assert stages["generate_line"]["jobs"] == 21 + 2 and stages["candidate"]["jobs"] == 24 * 3
    merged = disk["merged models, 53"]
    assert merged["most_gb"] == pytest.approx(53 * 3.1, rel=0.01) and merged["kept_gb"] == 0
    assert sum(row["kept_gb"] for row in disk.values()) < 50


def test_the_paper_s_lines_of_points_by_hand():
    """A plane of 441 models of 774 million weights, two lines of 31 models of 82 million.

    Six points of the plane are points of g1 or g2, which make their texts and losses.
    """
    stages, _ = map(by_name, estimate.estimate(PAPER).values())
    texts, starts = 5000 * 30, 23 * 20
    seconds = 2 * texts * ((441 - 6) * 774e6 + 2 * 31 * 82e6) / 8e12 + starts
    assert stages["generate_line"]["hours"] == pytest.approx(seconds / 3600)
    tested = (441 - 6) * 774e6 * 2 * 1000 * 26 + 2 * 31 * 82e6 * 1000 * 128
    assert stages["line_losses"]["hours"] == pytest.approx((2 * tested / 1.2e13 + starts) / 3600)
    assert stages["line_losses"]["jobs"] == stages["generate_line"]["jobs"] == 23


#: rules of the tiny DAG without an estimate: they take seconds at any size of the models
LEFT_OUT = {
    *("convert", "fetch", "split", "prompts", "corpus", "unigrams", "train_tokenizer", "baselines"),
    *("select", "permute", "merge", "vader", "against", "barriers", "examples"),
    *("differences", "plane_table", "pairs_table", "sweep_table", "generation_table"),
    *("training_tables", "pretraining_table", "next_words_table", "two_lines_table"),
    *("calibrate", "check_scorer", "pass_scorer", "test_classifier", "tagger_reference", "first"),
}


@pytest.fixture
def measured(finished, monkeypatch) -> tuple[dict, Path]:
    """The finished run's config with its models' sizes and a speed of 1 FLOP/s, and its results.

    At that speed and without start-up times, a stage's seconds are its FLOPs.
    """
    monkeypatch.chdir(finished)
    results = finished / "results"
    sizes = {name: parameters(results / "checkpoints" / name) for name in PRETRAINED}
    constants = dict.fromkeys(("training", "pretraining", "decoding", "scoring"), 1)
    constants |= {"start": 0, "parameters": {**sizes, "inputs/tagger": 1}}
    return over_default(laid_over(TINY, {"estimate": constants})), results


PRETRAINED = ("films_1", "films_2", "papers_1")


def parameters(model: Path) -> int:
    """The number of parameters in a checkpoint. A tied matrix counts once."""
    return sum(tensor.size for tensor in load_file(model / "model.safetensors").values())


def count_texts(folder: Path) -> int:
    """The number of texts in all sample files below a folder."""
    return sum(len(path.read_text().splitlines()) for path in folder.rglob("samples=*.jsonl"))


def test_the_jobs_of_each_stage_are_those_of_a_finished_run(measured):
    config, results = measured
    ran = pd.read_csv(results / "benchmarks" / "stages.csv").set_index("stage")["jobs"].to_dict()
    estimated = Counter()
    for stage, row in by_name(estimate.estimate(config)["stages"]).items():
        estimated[stage.split()[0]] += row["jobs"]
    figures = {stage for stage in ran if re.fullmatch(r"fig\d+", stage)}
    others = {stage: jobs for stage, jobs in ran.items() if stage not in LEFT_OUT | figures}
    assert dict(estimated) == others


def test_the_work_of_each_stage_is_that_of_a_finished_run(measured):
    """2 FLOPs per parameter and token, 6 in training, for the run's texts and training steps."""
    config, results = measured
    stages = by_name(estimate.estimate(config)["stages"])
    flops = {stage: 3600 * row["hours"] for stage, row in stages.items()}
    tokens = TINY["generation"]["max_new_tokens"]
    texts = {name: count_texts(results / "generations" / "neutral" / name) for name in ("g1", "g2")}
    texts["glad"] = count_texts(results / "generations" / "glad" / "g1")
    base = parameters(results / "checkpoints" / "base")
    assert flops["generate"] == pytest.approx(2 * base * tokens * sum(texts.values()))
    weights_times_texts = 0
    for prompts in ("neutral", "glad"):
        for scheme in ("g3", *DEFAULT["sweeps"]["pairs"]["schemes"]):
            first = next(iter(SCHEMES[scheme].checkpoints))
            size = parameters(results / "checkpoints" / first)
            weights_times_texts += size * count_texts(results / "generations" / prompts / scheme)
    assert flops["generate_line"] == pytest.approx(2 * tokens * weights_times_texts)
    training = TINY["pretraining"]
    steps = training["steps"] * training["effective_batch"] * config["pretraining"]["block"]
    weights = sum(parameters(results / "checkpoints" / name) for name in PRETRAINED)
    assert flops["pretrain"] == pytest.approx(6 * weights * steps)
    epochs, examples = TINY["classification"]["epochs"], config["estimate"]["classifier_texts"]
    size = parameters(results / "checkpoints" / "sentiment_judge")
    sentence = config["estimate"]["sentence"]
    expected = 6 * size * epochs * examples * sentence
    assert flops["train_classifier"] == pytest.approx(expected, rel=0.02), "except its new head"


def test_the_disk_is_that_of_a_finished_run(measured):
    config, results = measured
    disk = by_name(estimate.estimate(config)["disk"])
    weights = {
        name: [path.stat().st_size for path in (results / folder).glob(pattern)]
        for name, folder, pattern in (
            ("merged models, 7", "merged", "*/*/model.safetensors"),
            ("experts and all candidates", "candidates", "*/*/model.safetensors"),
        )
    }
    assert len(weights["merged models, 7"]) == 7
    for name, sizes in weights.items():
        assert 1e9 * disk[name]["most_gb"] == pytest.approx(sum(sizes), rel=0.05), name


def test_leftover_keys_of_another_kind_of_scorer_cost_nothing():
    """The paper's classifier of grammar replaces a tagger. A scorer's model from a source is not
    trained."""
    stages, _ = map(by_name, estimate.estimate(PAPER).values())
    seconds = 3600 * stages["classify grammar"]["hours"] - 20 * stages["classify grammar"]["jobs"]
    texts = PAPER["estimate"]["prompts"] * (25 * (3 * 21 + 32) + 2 * 31)
    assert seconds == pytest.approx(2 * texts * (30 + 8) * 125e6 / 1.2e13)
    other = {"kind": "tagger", "source": "tagger"}
    attribute = {**DEFAULT["attributes"]["sentiment"], "scorer": "mood"}
    scorer = {"kind": "classifier", "model": "minilm_copy", "labels": ["a", "b"], "values": [0, 1]}
    change = {
        "attributes": {"sentiment": attribute},
        "checkpoints": {"minilm_copy": {"kind": "source", "source": "minilm"}},
        "scorers": {"sentiment": other, "mood": {**scorer, "max_tokens": 9}},
    }
    changed, _ = map(by_name, estimate.estimate(over_default(change)).values())
    assert "train_classifier" not in changed and "tag sentiment" in changed


def test_more_samples_add_cost_to_the_texts_alone():
    more_samples = laid_over(PAPER, {"sweeps": {"g3": {"samples": 25}}})
    before, after = (by_name(estimate.estimate(c)["stages"]) for c in (PAPER, more_samples))
    assert after["generate_line"]["gpu_hours"] > 10 * before["generate_line"]["gpu_hours"]
    assert after["candidate"] == before["candidate"]


def test_a_model_s_size_comes_from_its_weights_on_disk_or_from_the_config(tokenizer, tmp_path):
    folder = save(tiny("llama", tokenizer), tokenizer, tmp_path / "model")
    local = laid_over(DEFAULT, {"sources": {"base": {"kind": "path", "path": str(folder)}}})
    stages, _ = map(by_name, estimate.estimate(local).values())
    assert stages["generate"]["hours"] * 3600 == pytest.approx(18 * 4, rel=0.1), (
        "only start-up times"
    )
    other = laid_over(DEFAULT, {"sources": {"base": {"kind": "hub", "id": "gpt2"}}})
    with pytest.raises(UserError, match=r"estimate\.parameters: lacks gpt2, which base is"):
        estimate.estimate(other)


def test_the_estimate_is_printed_without_fetching_anything(tmp_path):
    run = snakemake(tmp_path, "estimate", configfile=ROOT / "config" / "paper.yaml")
    assert run.returncode == 0, run.stderr
    assert "gpu_hours" in run.stderr and "merged models, 53" in run.stderr
    table = pd.read_csv(tmp_path / "results/estimate/stages.csv").set_index("stage")
    assert table.loc["total", "gpu_hours"] == pytest.approx(table["gpu_hours"][:-1].sum())
    assert not (tmp_path / "results/sources").exists()
