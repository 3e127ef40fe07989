"""Two lines compared: bands for all points at once, and metrics at equal attribute."""

import numpy as np
import pandas as pd
import pytest

from paramlerp.jobs import files
from paramlerp.measure import equal
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.measure.measurement import Measurement
from paramlerp.measure.metrics import Metric
from paramlerp.measure.pairing import with_bands
from paramlerp.measure.samples import SampleFiles, Samples
from tables import plane_table, two_lines_table

BOOTSTRAP = Bootstrap(resamples=400, confidence=0.95, seed=1)


def means(values: np.ndarray, bootstrap: Bootstrap = BOOTSTRAP) -> list[Estimate]:
    """The mean over prompts at each point, from values (points, prompts)."""
    weights = bootstrap.weights(values.shape[1])
    return [bootstrap.estimate(weights @ row / values.shape[1]) for row in values]


def test_a_band_covers_all_points_at_once_where_intervals_do_not():
    """Nine independent points whose true mean is 0, simulated 300 times.

    All nine pointwise intervals are right in some .95^9 = 63% of the sets, the bands in some 95%.
    """
    random, by_bands, by_intervals = np.random.default_rng(0), 0, 0
    for _ in range(300):
        scale = np.geomspace(0.1, 10, 9)[:, None]  # points that vary much and little count alike
        estimates = means(scale * random.normal(size=(9, 80)))
        bands = BOOTSTRAP.bands(estimates)
        by_bands += all(low <= 0 <= high for low, high in bands)
        by_intervals += all(e.low <= 0 <= e.high for e in estimates)
    assert 0.90 <= by_bands / 300 <= 0.98
    assert by_intervals / 300 < 0.75


def test_points_that_vary_together_need_no_wider_band():
    values = np.random.default_rng(0).normal(size=(1, 80))
    ((alone_low, alone_high),) = BOOTSTRAP.bands(means(values))
    for low, high in BOOTSTRAP.bands(means(values.repeat(9, 0))):
        assert (low, high) == pytest.approx((alone_low, alone_high))
    (estimate,) = means(values)
    assert alone_high - alone_low == pytest.approx(estimate.high - estimate.low, rel=0.1)


def test_a_band_of_a_constant_is_its_value_and_a_point_without_interval_has_none():
    values = np.random.default_rng(0).normal(size=(3, 50))
    values[1] = 0.25
    estimates = means(values)
    estimates.append(Estimate(np.nan, np.nan, np.nan, np.full(400, np.nan)))
    bands = BOOTSTRAP.bands(estimates)
    assert bands[1] == pytest.approx((0.25, 0.25)) and np.isnan(bands[3]).all()
    assert bands[0] == BOOTSTRAP.bands([estimates[0], estimates[2]])[0], "they do not count"
    assert np.isnan(BOOTSTRAP.bands(means(np.ones((2, 1))))).all(), "one prompt: no resamples"
    assert BOOTSTRAP.bands([]) == []


def test_bands_of_rows_are_of_their_family():
    a, b, c = means(np.random.default_rng(0).normal(size=(3, 50)))
    names = [("x", a), ("x", b), ("y", c)]
    rows = [({"metric": n, "low": e.low, "high": e.high, "n": 50}, e) for n, e in names]
    banded = with_bands(rows, ["metric", "scheme"], BOOTSTRAP)
    assert list(banded[0]) == ["metric", "low", "high", "band_low", "band_high", "n"]
    bands = [(row["band_low"], row["band_high"]) for row in banded]
    assert bands == [*BOOTSTRAP.bands([a, b]), *BOOTSTRAP.bands([c])]


def test_means_over_the_diagonals_of_a_plane_have_bands_over_all_sums():
    """Whoever picks the lowest of them has looked at all."""
    values = iter(np.random.default_rng(0).normal(5, 1, size=(9, 60)))
    points = []
    for alpha in ("-1.000", "0.000", "1.000"):
        for beta in ("-1.000", "0.000", "1.000"):
            key = {"prompts": "neutral", "state": "ok", "alpha": alpha, "beta": beta}
            points.append((key, {"loss": means(next(values)[None])[0]}))
    rows = plane_table.means_by_sum(points, ["alpha", "beta"], [], ["loss"], BOOTSTRAP)
    assert [row["sum"] for row in rows] == ["-2.000", "0.000", "2.000"]
    for row in rows:
        assert row["loss_band_low"] < row["loss_low"] < row["loss_high"] < row["loss_band_high"]
    assert "loss_above" not in rows[0], "no diagonal has the sum 1"


def test_means_over_diagonals_are_compared_with_the_sum_1():
    """Paired: what is common to all diagonals widens no difference. Perplexities are of ln."""
    common = np.random.default_rng(0).normal(5, 1, size=60)
    points = []
    for alpha, beta, above in (("0.000", "0.000", 2.0), ("0.500", "0.500", 0.0)):
        key = {"prompts": "neutral", "state": "ok", "alpha": alpha, "beta": beta}
        loss = means(common[None] + above)[0]
        perplexity = BOOTSTRAP.combine(np.exp, [loss])
        points.append((key, {"loss": loss, "perplexity": perplexity}))
    rows = plane_table.means_by_sum(points, ["alpha", "beta"], ["perplexity"], ["loss"], BOOTSTRAP)
    assert [row["sum"] for row in rows] == ["0.000", "1.000"]
    for row, above in zip(rows, (2, 0), strict=True):
        for metric in ("loss", "perplexity"):
            ends = ("", "_low", "_high", "_band_low", "_band_high")
            numbers = [row[f"{metric}_above{end}"] for end in ends]
            assert numbers == pytest.approx([above] * 5)


def line(sentiment, perplexity, grammar, coordinate, noise=0.0, seed=0):
    """A line whose points have these means over 40 prompts, with errors of the sentiment."""
    random = np.random.default_rng(seed)
    weights = BOOTSTRAP.weights(40)
    texts = pd.DataFrame({"prompt_id": range(40), "sample_id": 0, "text": "a"})
    measurements = []
    for s, p, g in zip(sentiment, perplexity, grammar, strict=True):
        errors = random.normal(0, noise, 40)
        of_prompts = {"sentiment": s + errors - errors.mean(), "grammar": np.full(40, g)}
        metrics = {
            name: (Metric(name, None), BOOTSTRAP.estimate(weights @ values / 40))
            for name, values in of_prompts.items()
        }
        constant = BOOTSTRAP.estimate(np.full(len(weights), float(p)))
        metrics["perplexity"] = (Metric("perplexity", None, on_ratio_scale=True), constant)
        measurements.append(Measurement({}, Samples(texts, {}), metrics))
    return coordinate, measurements


def at_equal(first, second) -> pd.DataFrame:
    lines = {"first": first, "second": second}
    rows = equal.compare_at_equal({"prompts": "neutral"}, lines, "sentiment", BOOTSTRAP)
    return pd.DataFrame(rows, columns=None if rows else ["metric", "level"])


def test_two_lines_of_half_the_perplexity_differ_by_ln_half_at_each_level():
    """The second line has the first's values further on; its perplexity is half at each level."""
    sentiment = np.array([0.15, 0.35, 0.55, 0.75])
    log_perplexity = 3 + 2 * sentiment
    first = line(sentiment, np.exp(log_perplexity), 0.9 - sentiment / 10, [0, 1, 2, 3])
    second = line(
        sentiment + 0.1,
        np.exp(log_perplexity + 0.2 - np.log(2)),
        0.9 - (sentiment + 0.1) / 10,
        [-1, 0, 1, 2],
    )
    table = at_equal(first, second).set_index(["metric", "level"])
    levels = ["0.3", "0.4", "0.5", "0.6", "0.7"]
    assert list(table.loc["perplexity"].index) == [*levels, "all"], "those that both lines reach"
    for row in table.loc["perplexity"].itertuples():
        assert (row.scale, row.n_texts, row.n_samples) == ("ln", 40, 1)
        assert row.difference == pytest.approx(-np.log(2))
        assert (row.low, row.high) == pytest.approx((-np.log(2), -np.log(2)))
        assert row.second / row.first == pytest.approx(1 / 2)
        assert row.clipped == 0
    at = table.loc[("perplexity", "0.5")]
    assert (at["first_at"], at["second_at"]) == pytest.approx((1.75, 0.25))
    assert at["first"] == pytest.approx(np.exp(4))
    grammar = table.loc["grammar"]
    assert set(grammar["scale"]) == {"linear"}
    assert grammar["difference"].to_numpy() == pytest.approx(0, abs=1e-9)
    assert "sentiment" not in table.index.get_level_values("metric")


def test_the_interval_at_a_level_has_the_uncertainty_of_the_place():
    """A perplexity without error, read at a place with one: ln perplexity = 2·sentiment.

    The first line's place is exact. So at each level the difference varies as twice the error of
    the second line's sentiment: of one point at a point, and less halfway between two.
    """
    sentiment = np.array([0.2, 0.4, 0.6, 0.8])
    exact = line(sentiment, np.exp(2 * sentiment), sentiment, range(4))
    noisy = line(sentiment, np.exp(2 * sentiment), sentiment, range(4), noise=0.2)
    table = at_equal(exact, noisy).query("metric == 'perplexity'").set_index("level")
    width = table["high"] - table["low"]
    expected = 2 * 1.96 * 2 * 0.2 / np.sqrt(40)
    assert width["0.4"] == pytest.approx(expected, rel=0.25)
    assert width["0.5"] == pytest.approx(expected / np.sqrt(2), rel=0.25)
    assert width["all"] < width["0.5"]
    assert (table["difference"].abs() < 1e-9).all()
    inner = table.loc[["0.3", "0.4", "0.5", "0.6", "0.7"]]
    assert (inner["band_high"] - inner["band_low"] > inner["high"] - inner["low"]).all()
    assert (inner["clipped"] < 0.01).all()
    assert table.loc["0.8", "clipped"] == pytest.approx(0.5, abs=0.15), (
        "the end: half of them fall short"
    )


def test_a_saturated_line_is_read_where_it_first_reaches_its_end():
    """Further on its sentiment falls a little while its perplexity explodes."""
    sentiment, perplexity = [0.1, 0.5, 0.82, 0.78], [10, 20, 30, 900]
    other = line([0.1, 0.9], [10, 10], [1, 1], [0, 1])
    table = at_equal(line(sentiment, perplexity, [1] * 4, range(4)), other)
    row = table.query("metric == 'perplexity' and level == '0.8'").iloc[0]
    assert row["first_at"] == 2 and row["first"] == pytest.approx(30)


def test_the_direction_of_a_line_and_its_broken_points_do_not_matter():
    sentiment = np.array([0.1, 0.3, 0.5])
    up = line(sentiment, np.exp(sentiment), sentiment, [0, 1, 2])
    down = line(sentiment[::-1], np.exp(sentiment[::-1]), sentiment[::-1], [0, 1, 2])
    perplexity = at_equal(up, down).query("metric == 'perplexity'")
    assert perplexity["difference"].to_numpy() == pytest.approx(0)
    assert perplexity.iloc[0]["second_at"] == pytest.approx(2)
    broken = line([*sentiment, 0.7], [*np.exp(sentiment), np.nan], [*sentiment, 0.7], range(4))
    table = at_equal(broken, line([0.1, 0.9], np.exp([0.1, 0.9]), [0.1, 0.9], [0, 1]))
    assert "0.7" in set(table.query("metric == 'grammar'")["level"])
    perplexity = table.query("metric == 'perplexity'")
    assert list(perplexity["level"]) == ["0.1", "0.2", "0.3", "0.4", "0.5", "all"]
    assert perplexity["difference"].to_numpy() == pytest.approx(0)


def test_lines_that_share_no_level_have_no_rows():
    low, high = ([0.11, 0.19], [0.5, 0.9])
    assert at_equal(line(low, [1, 2], low, [0, 1]), line(high, [1, 2], high, [0, 1])).empty
    assert at_equal(line([0.2], [1], [1], [0]), line(high, [1, 2], high, [0, 1])).empty


def test_isotonic_regression_by_hand():
    fit = equal.increasing
    assert fit(np.array([1.0, 3, 2, 4])).tolist() == [1, 2.5, 2.5, 4]
    assert fit(np.array([3.0, 2, 1])).tolist() == [2, 2, 2]
    assert fit(np.array([0.1, 0.2, 0.3])).tolist() == [0.1, 0.2, 0.3]
    random = np.random.default_rng(0)
    values = random.normal(size=(7, 50))
    fitted = fit(values)
    assert (np.diff(fitted, axis=0) >= 0).all()
    for _ in range(200):  # no increasing values are nearer
        other = np.sort(fitted + random.normal(0, 0.1, fitted.shape), axis=0)
        assert (((other - values) ** 2).sum(0) >= ((fitted - values) ** 2).sum(0) - 1e-9).all()


def write_point(folder, name, values: np.ndarray) -> SampleFiles:
    """Files of a point whose texts have these scores (prompts, samples)."""
    prompts, samples = values.shape
    keys = [{"prompt_id": i, "sample_id": j} for i in range(prompts) for j in range(samples)]
    text = {"text": "a b", "n_tokens": 2, "n_special": 0, "ended": True}
    files.write_jsonl(folder / f"{name}.jsonl", [key | text for key in keys])
    scores = pd.DataFrame(keys).assign(score=values.ravel(), target=values.ravel())
    files.write_frame(folder / f"{name}.csv", scores)
    return SampleFiles([folder / f"{name}.jsonl"], {"judge": [folder / f"{name}.csv"]})


def test_a_shift_lines_points_up_and_only_shared_samples_count(tmp_path):
    """Other names of coordinates and scorers; the second line has fewer samples and points."""
    random = np.random.default_rng(0)
    shared = random.normal(0, 0.1, (30, 4))
    values = {("first", at): shared + at for at in (0.0, 0.5, 1.0)}
    values |= {("second", at): shared[:, :3] + at + 0.7 for at in (-0.25, 0.25)}
    lines = {side: [] for side in two_lines_table.SIDES}
    for (side, at), scores in values.items():
        key = {"prompts": "mine", "at": f"{at:.3f}"}
        lines[side].append((key, write_point(tmp_path, f"{side}{at}", scores)))
    kinds = {"judge": "classifier"}
    paired, _ = two_lines_table.main(lines, 0.25, "judge", kinds, BOOTSTRAP)
    rows = paired[paired["metric"] == "judge"]
    assert rows[["first_at", "second_at"]].values.tolist() == [
        ["0.000", "-0.250"],
        ["0.500", "0.250"],
    ]
    assert rows["difference"].to_numpy() == pytest.approx(0.7 - 0.25)
    assert (rows["high"] - rows["low"]).to_numpy() == pytest.approx(0, abs=1e-9), "paired"
    assert rows["n_texts"].eq(90).all() and rows["n_samples"].eq(3).all()
    nothing, _ = two_lines_table.main(lines, 0.1, "judge", kinds, BOOTSTRAP)
    assert nothing.empty and list(nothing) == two_lines_table.PAIRED
