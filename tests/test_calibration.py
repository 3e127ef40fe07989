"""Calibration of classifiers, their test by documents, and the bound of an attribute's scorer."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from checkpoints import calibrate, check_scorer
from conftest import laid_over, make_inputs
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.measure import calibration, domains
from paramlerp.measure.bootstrap import Bootstrap
from runs import planned, snakemake
from tables import test_classifier as classifier_test
from tiny_dag import TINY


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_log_odds_are_finite_and_a_slope_of_1_changes_nothing():
    p = np.array([0, 1e-300, 0.2, 0.5, 1 - 1e-16, 1])
    assert np.isfinite(calibration.logit(p)).all()
    np.testing.assert_allclose(calibration.calibrated(p, 1, 0), p, atol=1e-15)
    assert calibration.calibrated(np.array([0.5]), 3, 0) == [0.5]


def test_calibration_finds_the_temperature_and_the_shift():
    """Forecasts that are too sure by a factor of 2 and shifted by 1."""
    random = np.random.default_rng(0)
    odds = random.normal(0, 2, 20_000)
    is_high = random.random(20_000) < sigmoid(odds)
    p = sigmoid(2 * odds - 1)
    slope, intercept = calibrate.fit({"own": p}, {"own": is_high})
    assert (slope, intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(0.5, abs=0.05))
    better = calibration.calibrated(p, slope, intercept)
    assert calibration.calibration_error(p, is_high) > 0.1
    assert calibration.calibration_error(better, is_high) < 0.02
    assert calibration.auc(better, is_high) == calibration.auc(p, is_high)


def test_domains_weigh_equally_whatever_their_size():
    """Ten times the text of one domain is the same calibration."""
    random = np.random.default_rng(0)
    odds = {"own": random.normal(0, 2, 500), "other": random.normal(0, 2, 400) - 2}
    is_high = {name: random.random(len(o)) < sigmoid(o) for name, o in odds.items()}
    p = {"own": sigmoid(odds["own"]), "other": sigmoid(odds["other"] - 2)}
    once = calibrate.fit(p, is_high)
    p["own"], is_high["own"] = np.tile(p["own"], 10), np.tile(is_high["own"], 10)
    assert calibrate.fit(p, is_high) == pytest.approx(once, rel=0.03)


def test_a_classifier_without_mistakes_has_a_finite_calibration():
    """Without Platt's targets the slope would grow without bound."""
    p = np.array([0.01, 0.02, 0.98, 0.99])
    slope, intercept = calibrate.fit({"own": p}, {"own": p > 0.5})
    assert 0 < slope < 1 and abs(intercept) < 0.1
    assert calibration.calibrated(np.array([0.985]), slope, intercept) == pytest.approx(
        (2 + 1) / (2 + 2), abs=0.02
    )


def articles(n: int, sentences: int) -> list[domains.Labelled]:
    return [
        domains.Labelled(f"{i} {j}", (i + j) % 2 == 0, f"article {i}")
        for i in range(n)
        for j in range(sentences)
    ]


def test_a_calibration_that_would_turn_scores_round_is_refused(monkeypatch):
    """As when a domain has its poles the wrong way round."""
    texts = {"news": articles(40, 1)}
    p = np.array([0.1 if text.is_high else 0.9 for text in texts["news"]])
    monkeypatch.setattr(calibrate.models, "load_classifier", lambda model: (None, None))
    monkeypatch.setattr(calibrate.domains, "forecasts", lambda *_: p)
    with pytest.raises(UserError, match=r"judge: on text of news a higher P\(glad\) does not mean"):
        calibrate.main("judge", "glad", texts, 128)


def test_the_halves_of_a_domain_cut_no_document():
    texts = articles(11, 3)
    fit, test = domains.halves(texts, 1)
    assert sorted(fit + test) == sorted(texts)
    assert not {t.document for t in fit} & {t.document for t in test}
    assert len({t.document for t in fit}) == 5
    assert {t.document for t in domains.halves(texts[::-1], 1)[0]} == {t.document for t in fit}
    assert domains.halves(texts, 2)[0] != fit


def test_documents_of_prompts_neither_calibrate_nor_test(tmp_path):
    (tmp_path / "rated").write_text("1_1\t2\tgood\n1_2\t-2\tbad\n2_1\t2\tfine\n3_1\t-2\tdull\n")
    files.write_jsonl(tmp_path / "p.jsonl", [{"prompt_id": 0, "prompt": "so", "document": "1"}])
    (tmp_path / "more").write_text("2_1\t3\tgreat\n")
    source = {"reading": {"reader": "rated"}}
    source["selections"] = {"glad": {"at_least": 1}, "sad": {"at_most": -1}}
    other = {**source, "selections": {"glad": {"at_least": 1}}}
    by_domain = domains.of_sources(
        {"news": [source], "both": [other, source]},
        [tmp_path / name for name in ("rated", "more", "rated")],
        [[tmp_path / "p.jsonl"], [], [tmp_path / "p.jsonl"]],
        "glad",
    )
    news = [domains.Labelled("fine", True, "1/2"), domains.Labelled("dull", False, "1/3")]
    assert by_domain == {"news": news, "both": [domains.Labelled("great", True, "2/2"), *news]}


def test_weighted_auc_is_that_of_the_repeated_texts():
    """Ties included; without any text of a class it is NaN."""
    random = np.random.default_rng(0)
    scores, positive = random.integers(0, 9, 40) / 10, random.random(40) < 0.5
    weights = random.integers(0, 3, (1200, 40))
    weights[5] *= positive
    expected = [calibration.auc(np.repeat(scores, w), np.repeat(positive, w)) for w in weights]
    areas = calibration.weighted_auc(scores, positive, np.arange(40), weights)
    np.testing.assert_allclose(areas, expected)
    pairs = scores[positive][:, None] - scores[~positive]
    by_hand = (pairs > 0).mean() + (pairs == 0).mean() / 2
    assert calibration.auc(scores, positive) == pytest.approx(by_hand)
    assert np.isnan(areas[5])


def test_the_intervals_of_a_test_resample_documents():
    """Equal sentences of one article tell no more than one of them."""
    random = np.random.default_rng(0)
    p, is_high = random.random(60), random.random(60) < 0.5
    documents = [f"article {i}" for i in range(60)]
    bootstrap = Bootstrap(resamples=2000, confidence=0.95, seed=1)
    once = classifier_test.evaluate(p, is_high, documents, bootstrap)
    p, is_high = p.repeat(9), is_high.repeat(9)
    repeated = classifier_test.evaluate(p, is_high, np.repeat(documents, 9), bootstrap)
    alone = classifier_test.evaluate(p, is_high, [str(i) for i in range(540)], bootstrap)
    for metric in ("auc", "accuracy"):
        width = {
            name: row[f"{metric}_high"] - row[f"{metric}_low"]
            for name, row in (("once", once), ("repeated", repeated), ("alone", alone))
        }
        assert repeated[metric] == pytest.approx(once[metric])
        assert width["repeated"] == pytest.approx(width["once"])
        assert width["alone"] < width["once"] / 2


def test_texts_of_one_pole_are_refused():
    texts = [t for t in articles(4, 2) if t.is_high]
    with pytest.raises(UserError, match="letters: it takes text of both poles to test"):
        domains.require_both_poles("letters", texts, "test")


@pytest.mark.parametrize("value", [0.7, float("nan")])
def test_a_scorer_below_the_bound_is_refused_in_one_line(value):
    line = r"scorers\.judge: cannot tell the poles of tone apart: AUC .* on 40 validation texts"
    with pytest.raises(UserError, match=line):
        check_scorer.require(value, 0.75, "judge", "tone", 40)
    check_scorer.require(0.75, 0.75, "judge", "tone", 40)
    check_scorer.require(0.7, 0.7, "judge", "tone", 40)


#: more validation text, so that the AUC of a scorer that has learned nothing is near 1/2
MEANINGLESS = {"splitting": {"splits": {"train": 0.4, "validation": 0.5, "test": 0.1}}}
TEXTS = "results/generations/neutral/g1/alpha=0.500/samples=0-2.jsonl"


def config(folder: Path, name: str, **changes) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(laid_over(TINY, laid_over(MEANINGLESS, changes))))
    return path


def test_no_text_is_generated_for_a_scorer_that_knows_nothing_unless_the_bound_is_lowered(
    tokenizer, tmp_path
):
    """Labels by chance. With a lower bound there is a text, which a later failure does not undo."""
    make_inputs(tmp_path / "inputs", tokenizer)
    rows = files.read_jsonl(tmp_path / "inputs/reviews.jsonl")
    labels = np.random.default_rng(0).integers(2, size=len(rows)).tolist()
    rows = [row | {"label": label} for row, label in zip(rows, labels, strict=True)]
    files.write_jsonl(tmp_path / "inputs/reviews.jsonl", rows)
    usual = config(tmp_path, "usual")
    run = snakemake(tmp_path, "results/figures/fig3.png", configfile=usual)
    assert run.returncode != 0
    (line,) = re.findall(r"ERROR error: (.*)", run.stderr)
    assert line.startswith("scorers.sentiment: cannot tell the poles of sentiment apart: AUC 0.")
    assert "attributes.sentiment.min_auc is 0.75; take another scorer" in line
    assert not (tmp_path / "results/generations").exists()

    lower = config(tmp_path, "lower", attributes={"sentiment": {"min_auc": 0}})
    run = snakemake(tmp_path, TEXTS, configfile=lower)
    assert run.returncode == 0, run.stderr
    check = (tmp_path / "results/data/sentiment/scorer_passed.csv").read_text().splitlines()
    assert check[0] == "scorer,auc,min_auc,n" and check[1].startswith("sentiment,0.")
    # A check that fails deletes its file, and texts must not be made again for that.
    (tmp_path / "results/data/sentiment/scorer.csv").unlink()
    assert planned(tmp_path, TEXTS, configfile=usual) == {}
