"""Bootstrap intervals that resample prompts, paired comparisons, and the metrics of texts."""

import numpy as np
import pandas as pd
import pytest

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.measure import bootstrap, calibration, metrics, pairing, samples
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.measurement import mean_per_token
from tables import next_words_table


def texts_like(values: np.ndarray) -> pd.DataFrame:
    """A frame with one text for each of `values` (prompts, samples)."""
    prompts, samples = values.shape
    return pd.DataFrame(
        {
            "prompt_id": np.repeat(range(prompts), samples),
            "sample_id": np.tile(range(samples), prompts),
            "text": "a b c a b",
            "n_tokens": 5,
            "n_special": 0,
            "ended": True,
        }
    )


BOOTSTRAP = Bootstrap(resamples=2000, confidence=0.95, seed=1)


def estimate_sentiment(values: np.ndarray, bootstrap: Bootstrap = BOOTSTRAP):
    """The mean of sentiment scores (prompts, samples), with its interval."""
    frame = texts_like(values)
    scores = frame[["prompt_id", "sample_id"]].assign(score=values.ravel(), target=values.ravel())
    sentiment, *_ = metrics.table_metrics(frame, {"sentiment": ("classifier", scores)})
    return bootstrap.estimate(sentiment.statistic(bootstrap.weights(len(values))))


def test_intervals_cover_the_true_mean_at_their_nominal_rate():
    """Scores vary more between prompts than within. With 40 prompts a 95% interval covers ~93%."""
    random, hits = np.random.default_rng(0), 0
    for _ in range(400):
        values = random.normal(0, 1, (40, 1)) + random.normal(0, 0.3, (40, 4))
        e = estimate_sentiment(values, Bootstrap(resamples=400, confidence=0.95, seed=1))
        hits += e.low <= 0 <= e.high
    assert 0.90 <= hits / 400 <= 0.975


def test_the_bootstrap_resamples_prompts():
    """25 equal texts of each prompt give the same width as one: texts are not independent."""
    values = np.random.default_rng(0).normal(size=(30, 1))
    one, many = estimate_sentiment(values), estimate_sentiment(values.repeat(25, 1))
    assert many.high - many.low == pytest.approx(one.high - one.low)


def test_losses_resample_documents():
    """The row is the unit only where it is its document."""
    random = np.random.default_rng(0)
    nll, n_tokens = random.gamma(9, 1, 60), random.integers(3, 20, 60)
    single = pd.DataFrame({"document": [f"1/{60 - i}" for i in range(60)], "nll": nll})
    single["n_tokens"] = n_tokens
    rows = BOOTSTRAP.ratio(nll, n_tokens)
    alone = mean_per_token(single, "nll", BOOTSTRAP)
    assert np.array_equal(alone.resampled, rows.resampled) and alone.value == rows.value
    # Three sentences of each document, with the same losses: they say no more than one does.
    repeated = pd.concat([single] * 3, ignore_index=True)
    together = mean_per_token(repeated, "nll", BOOTSTRAP)
    np.testing.assert_allclose(together.resampled, alone.resampled)
    assert together.columns("loss") == pytest.approx(alone.columns("loss"))


def test_pairing_saves_the_variance_that_two_points_share():
    random = np.random.default_rng(0)
    shared = random.normal(size=(50, 4))
    a = estimate_sentiment(shared)
    b = estimate_sentiment(shared + 0.1 * random.normal(size=(50, 4)))
    c = estimate_sentiment(random.normal(size=(50, 4)))
    assert pairing.variance_saved(a, b) > 0.9
    assert abs(pairing.variance_saved(a, c)) < 0.4


def test_common_random_numbers_save_sampling_noise_only():
    """Variance between prompts does not count; only correlation of samples within prompts does."""
    random = np.random.default_rng(0)
    prompt = np.repeat(range(200), 4)
    prompts, noise = 5 * random.normal(size=200)[prompt], random.normal(size=800)
    a = prompts + noise
    saved = pairing.variance_saved_by_random_numbers
    assert saved(a, prompts + noise + 1, prompt) == pytest.approx(1)
    assert saved(a, prompts + random.normal(size=800), prompt) == pytest.approx(0, abs=0.1)
    half = prompts + noise / 2**0.5 + random.normal(size=800) / 2**0.5
    assert saved(a, half, prompt) == pytest.approx(0.5**0.5, abs=0.1)


def test_median_of_resamples_is_the_median_of_the_repeated_texts():
    random = np.random.default_rng(0)
    prompt = np.repeat(range(7), 4)  # an even number of texts: the median lies between two of them
    values = random.normal(size=28)
    weights = Bootstrap(resamples=1500, confidence=0.95, seed=1).weights(7)
    expected = [np.median(np.repeat(values, w[prompt].astype(int))) for w in weights]
    np.testing.assert_allclose(bootstrap.median(weights, values, prompt), expected)


def test_without_texts_there_is_no_median_and_with_one_prompt_no_interval():
    weights = BOOTSTRAP.weights(3)
    assert np.isnan(bootstrap.median(weights, np.array([]), np.array([], int))).all()
    only_first = bootstrap.median(weights, np.array([5.0]), np.array([0]))
    assert (np.isnan(only_first) == (weights[:, 0] == 0)).all()
    e = BOOTSTRAP.ratio([2.0], [1.0])
    assert e.value == 2 and np.isnan(e.low) and np.isnan(e.high)


def test_auc_of_perfect_inverted_constant_and_mixed_scores():
    truth = np.array([True, True, False, False])
    assert calibration.auc(np.array([0.9, 0.8, 0.2, 0.1]), truth) == 1
    assert calibration.auc(np.array([0.1, 0.2, 0.8, 0.9]), truth) == 0
    assert calibration.auc(np.array([0.5, 0.5, 0.5, 0.5]), truth) == 0.5
    assert calibration.auc(np.array([0.9, 0.3, 0.5, 0.1]), truth) == 0.75


def test_the_calibration_error_is_small_only_for_true_probabilities():
    random = np.random.default_rng(0)
    p = random.random(20_000)
    truth = random.random(20_000) < p
    assert calibration.calibration_error(p, truth) < 0.02
    assert calibration.calibration_error(p, random.random(20_000) < 0.5) > 0.2


def test_distinct_and_repetition():
    assert metrics.distinct(["a b a b"], 1) == 0.5
    assert metrics.distinct(["a b a b"], 2) == pytest.approx(2 / 3)
    assert metrics.distinct(["a b", "a b"], 2) == 0.5
    assert np.isnan(metrics.distinct(["a"], 2))
    assert metrics.repetition("the film the film the film") == pytest.approx(1 - 2 / 5)
    assert metrics.repetition("one word") == metrics.repetition("") == 0


def test_perplexities_of_known_likelihoods():
    """Corpus perplexity weights tokens, mean and median weight texts. Empty texts do not count."""
    frame = texts_like(np.zeros((2, 2)))
    nll, n_tokens = np.log([2.0, 8.0, 4.0, 1.0]) * [1, 3, 1, 0], [1, 3, 1, 0]
    scores = frame[["prompt_id", "sample_id"]].assign(
        nll=nll, unigram_nll=nll + np.array(n_tokens), n_tokens=n_tokens
    )
    computed = metrics.table_metrics(frame, {"perplexity": ("perplexity", scores)})
    value = {m.name: m.statistic(np.ones((1, 2)))[0] for m in computed}
    assert value["perplexity"] == pytest.approx(np.exp((np.log(2) + 3 * np.log(8) + np.log(4)) / 5))
    assert value["perplexity_mean"] == pytest.approx((2 + 8 + 4) / 3)
    assert value["perplexity_median"] == pytest.approx(4)
    assert value["perplexity_slor"] == pytest.approx(1)


def test_metrics_of_empty_texts_alone_are_nan():
    frame = texts_like(np.zeros((2, 2))).assign(text="", n_tokens=0)
    scores = frame[["prompt_id", "sample_id"]].assign(nll=0.0, unigram_nll=0.0, n_tokens=0)
    computed = metrics.table_metrics(frame, {"perplexity": ("perplexity", scores)})
    weights = BOOTSTRAP.weights(2)
    value = {m.name: BOOTSTRAP.estimate(m.statistic(weights)).value for m in computed}
    assert np.isnan(value["perplexity"]) and np.isnan(value["perplexity_median"])
    assert np.isnan(value["dist1"]) and value["length"] == 0


def test_samples_in_several_files_are_read_as_from_one(tmp_path):
    """Each file holds a range of samples. Rows are sorted by prompt, then by sample."""
    frame = texts_like(np.random.default_rng(0).normal(size=(3, 5)))
    scores = frame[["prompt_id", "sample_id"]].assign(score=np.arange(15.0))
    for number, sample_ids in enumerate(([0, 1], [2, 3], [4])):
        rows = frame["sample_id"].isin(sample_ids)
        files.write_jsonl(tmp_path / f"{number}.jsonl", frame[rows].to_dict("records"))
        files.write_frame(tmp_path / f"{number}.csv", scores[rows])
    text_paths, score_paths = (sorted(tmp_path.glob(f"*.{kind}")) for kind in ("jsonl", "csv"))
    for order in (1, -1):
        paths = samples.SampleFiles(text_paths[::order], {"grammar": score_paths[::order]})
        read = samples.read(paths, {"grammar": "tagger"})
        pd.testing.assert_frame_equal(read.texts, frame)
        kind, grammar = read.scores["grammar"]
        assert kind == "tagger" and grammar["score"].tolist() == scores["score"].tolist()
        metrics.table_metrics(read.texts, read.scores)


@pytest.mark.parametrize("kind", ["classifier", "vader", "tagger", "perplexity"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused(tmp_path, kind, number):
    """But for a tagger's NaN, its score of a text without words."""
    frame = texts_like(np.zeros((2, 2)))
    column = "unigram_nll" if kind == "perplexity" else "score"
    scores = frame[["prompt_id", "sample_id"]].assign(**{column: [0.5, 0.5, number, 0.5]})
    files.write_jsonl(tmp_path / "texts.jsonl", frame.to_dict("records"))
    files.write_rows(tmp_path / "scores.csv", scores.to_dict("records"))
    paths = samples.SampleFiles([tmp_path / "texts.jsonl"], {"a": [tmp_path / "scores.csv"]})
    if kind == "tagger" and np.isnan(number):
        assert np.isnan(samples.read(paths, {"a": kind}).scores["a"][1][column][2])
        return
    with pytest.raises(UserError, match=rf"scores\.csv: row 3: {column} is {number}, not a finite"):
        samples.read(paths, {"a": kind})


def test_a_loss_that_is_not_finite_is_refused(tmp_path):
    """Losses of a line, and next words, among which "nan" is a word."""
    frame = texts_like(np.zeros((1, 2))).assign(alpha="0.500")
    files.write_jsonl(tmp_path / "texts.jsonl", frame.to_dict("records"))
    for name, nll in (("fine", 1.5), ("broken", np.nan)):
        row = {"alpha": "0.500", "text": "films", "text_id": 0, "nll": nll, "n_tokens": 2}
        files.write_rows(tmp_path / f"{name}.csv", [row])
        word = {"pole": "positive", "word": "nan", "n_tokens": 1, "nll": nll}
        files.write_rows(tmp_path / f"{name}_words.csv", [word])

    def read_line(name):
        paths = samples.SampleFiles([tmp_path / "texts.jsonl"], {}, tmp_path / f"{name}.csv")
        return list(samples.read_line(paths, {}, "alpha", ["0.500"]))

    ((_, _, losses),) = read_line("fine")
    assert losses["nll"].tolist() == [1.5]
    assert next_words_table.read(tmp_path / "fine_words.csv")["word"].tolist() == ["nan"]
    for read in (read_line, lambda name: next_words_table.read(tmp_path / f"{name}_words.csv")):
        with pytest.raises(UserError, match=r"csv: row 1: nll is nan, not a finite number"):
            read("broken")


def test_the_inputs_of_a_rule_are_split_by_measurement():
    inputs = {"texts": ["a", "b", "c"], "grammar": ["x", "y", "z"], "losses": ["l", "m"]}
    assert samples.sample_files(inputs, ["grammar"], [2, 1]) == [
        samples.SampleFiles(["a", "b"], {"grammar": ["x", "y"]}, "l"),
        samples.SampleFiles(["c"], {"grammar": ["z"]}, "m"),
    ]
    assert samples.sample_files({}, ["grammar"], [], "overlay_") == []


def test_scores_whose_rows_do_not_match_the_texts_are_refused():
    frame = texts_like(np.zeros((2, 2)))
    scores = frame[["prompt_id", "sample_id"]].iloc[::-1].reset_index(drop=True).assign(score=0.0)
    with pytest.raises(ValueError, match="grammar"):
        metrics.table_metrics(frame, {"grammar": ("tagger", scores)})
