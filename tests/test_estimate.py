"""What a config will cost, against what one did cost."""

import pandas as pd
import pytest
import yaml

from conftest import DEFAULT, ROOT, laid_over, over_default, save, tiny
from paramlerp.jobs.errors import UserError
from paramlerp.plan import estimate
from runs import snakemake

PAPER = over_default(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text()))


def by_name(rows: list[dict]) -> dict[str, dict]:
    return {next(iter(row.values())): row for row in rows}


def test_the_default_run_costs_what_it_did():
    """Core seconds of its stages as measured (README: 39 minutes on 2 cores), and its 12 GB."""
    stages, disk = map(by_name, estimate.estimate(DEFAULT).values())
    measured = {"candidate": 544, "pretrain": 606, "generate": 432, "losses": 233}
    measured |= {"perplexity perplexity": 822, "classify sentiment": 187, "ensemble": 286}
    for stage, seconds in measured.items():
        assert 3600 * stages[stage]["hours"] == pytest.approx(seconds, rel=0.5), stage
    # The plane's texts and losses; they were measured without those of pairs.
    plane, _ = map(by_name, estimate.estimate(over_default({"sweeps": {"pairs": None}})).values())
    hours = plane["generate_line"]["hours"] + plane["line_losses"]["hours"]
    assert 3600 * hours == pytest.approx(701, rel=0.5)
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


def test_the_paper_s_rows_of_points_by_hand():
    """A plane of 441 models of 774 million weights, two lines of 31 models of 82 million."""
    stages, _ = map(by_name, estimate.estimate(PAPER).values())
    texts, starts = 5000 * 30, 23 * 20
    seconds = 2 * texts * (441 * 774e6 + 2 * 31 * 82e6) / 8e12 + starts
    assert stages["generate_line"]["hours"] == pytest.approx(seconds / 3600)
    tested = 441 * 774e6 * 2 * 1000 * 26 + 2 * 31 * 82e6 * 1000 * 128
    assert stages["line_losses"]["hours"] == pytest.approx((2 * tested / 1.2e13 + starts) / 3600)
    assert stages["line_losses"]["jobs"] == stages["generate_line"]["jobs"] == 23


def test_what_is_left_over_of_another_kind_costs_nothing():
    """The paper's grammar is a classifier's, laid over a tagger; a judge of none is not trained."""
    stages, _ = map(by_name, estimate.estimate(PAPER).values())
    seconds = 3600 * stages["classify grammar"]["hours"] - 20 * stages["classify grammar"]["jobs"]
    texts = PAPER["estimate"]["prompts"] * (25 * (3 * 21 + 32) + 2 * 31)
    assert seconds == pytest.approx(2 * texts * (30 + 8) * 125e6 / 1.2e13)
    other = {"kind": "tagger", "source": "tagger"}
    attribute = {**DEFAULT["attributes"]["sentiment"], "scorer": "own"}
    own = {"kind": "classifier", "model": "own", "labels": ["a", "b"], "values": [0, 1]}
    change = {
        "attributes": {"sentiment": attribute},
        "checkpoints": {"own": {"kind": "source", "source": "minilm"}},
        "scorers": {"sentiment": other, "own": {**own, "max_tokens": 9}},
    }
    changed, _ = map(by_name, estimate.estimate(over_default(change)).values())
    assert "train_classifier" not in changed and "tag sentiment" in changed


def test_more_samples_cost_more_texts_alone():
    more = laid_over(PAPER, {"sweeps": {"g3": {"samples": 25}}})
    before, after = (by_name(estimate.estimate(c)["stages"]) for c in (PAPER, more))
    assert after["generate_line"]["gpu_hours"] > 10 * before["generate_line"]["gpu_hours"]
    assert after["candidate"] == before["candidate"]


def test_a_size_is_read_off_weights_on_disk_or_asked_for(tokenizer, tmp_path):
    folder = save(tiny("llama", tokenizer), tokenizer, tmp_path / "model")
    local = laid_over(DEFAULT, {"sources": {"base": {"kind": "path", "path": str(folder)}}})
    stages, _ = map(by_name, estimate.estimate(local).values())
    assert stages["generate"]["hours"] * 3600 == pytest.approx(18 * 4, rel=0.1), "only starts"
    other = laid_over(DEFAULT, {"sources": {"base": {"kind": "hub", "id": "gpt2"}}})
    with pytest.raises(UserError, match=r"estimate\.parameters: lacks gpt2, which base is"):
        estimate.estimate(other)


def test_it_is_printed_before_anything_is_fetched(tmp_path):
    run = snakemake(tmp_path, "estimate", configfile=ROOT / "config" / "paper.yaml")
    assert run.returncode == 0, run.stderr
    assert "gpu_hours" in run.stderr and "merged models, 53" in run.stderr
    table = pd.read_csv(tmp_path / "results/estimate/stages.csv").set_index("stage")
    assert table.loc["total", "gpu_hours"] == pytest.approx(table["gpu_hours"][:-1].sum())
    assert not (tmp_path / "results/sources").exists()
