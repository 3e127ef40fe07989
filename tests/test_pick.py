"""`snakemake pick`: half of the prompts choose a point, the other half says what it gives."""

import numpy as np
import pandas as pd
import pytest

from conftest import DEFAULT, over_default
from dial import pick
from mistakes import assert_refused, changed
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.samples import Samples
from paramlerp.plan import measurements
from paramlerp.plan.plan import Plan

BOOTSTRAP = Bootstrap(200, 0.95, 1)
NAMES = {"letter": "α", "line": "α in g", "title": "joy", "confidence": "95%"}
#: coordinate -> mean of the attribute, perplexity
LINE = {"-1.000": (0.2, 12), "0.000": (0.4, 10), "1.000": (0.7, 13), "2.000": (0.9, 30)}


def aim(level: float | None = 0.65, cost: float = 1.5, sign: int = 1) -> pick.Aim:
    return pick.Aim("mood", "perplexity", sign, level, cost)


def samples(mean: float, perplexity: float, lucky: float = 0) -> Samples:
    """A point's texts: 20 prompts, two samples each; `lucky` is added to the even prompts' mean."""
    prompt = np.repeat(np.arange(20), 2)
    keys = pd.DataFrame({"prompt_id": prompt, "sample_id": np.tile([0, 1], 20)})
    texts = keys.assign(prompt="The", text="film", n_tokens=3, n_special=0, ended=True)
    spread = 0.1 * (-1.0) ** (prompt // 2)  # between prompts, and none between the two halves
    score = mean + spread + lucky * (prompt % 2 == 0)
    n_tokens = 3 * int(np.isfinite(perplexity))  # NaN: empty texts
    nll = np.nan_to_num(n_tokens * np.log(perplexity) + spread)
    frame = keys.assign(nll=nll, n_tokens=n_tokens, unigram_nll=9.0)
    return Samples(
        texts, {"mood": ("vader", keys.assign(score=score)), "perplexity": ("perplexity", frame)}
    )


def points(line: dict, half: int = 0, **options) -> list[pick.Point]:
    texts = {value: samples(*numbers) for value, numbers in line.items()}
    return pick.on_half(texts, half, aim(**options), BOOTSTRAP)


def chosen(line: dict = LINE, **options) -> str | None:
    point = pick.choose(points(line, **options), aim(**options))
    return point and point.value


def test_the_nearest_point_that_reaches_the_level_within_the_cost_is_chosen():
    assert chosen() == "1.000"
    assert chosen(level=0.85, cost=5) == "2.000"
    assert chosen(level=0.3) == "0.000", "the reference itself may do"
    assert chosen(level=0.85) is None, "it costs three times the perplexity"
    assert chosen(level=0.95, cost=9) is None, "no point reaches it"


def test_without_a_level_the_furthest_within_the_cost_is_chosen():
    assert chosen(level=None) == "1.000"
    assert chosen(level=None, cost=9) == "2.000"
    assert chosen(level=None, cost=1) == "0.000"


def test_the_second_pole_is_a_low_mean():
    assert chosen(level=0.25, sign=-1) == "-1.000"
    assert chosen(level=0.1, sign=-1) is None
    assert chosen(level=None, sign=-1) == "-1.000"


def test_the_cost_is_the_perplexity_over_the_references_on_the_same_prompts():
    there = {point.value: point for point in points(LINE)}
    assert there["0.000"].ratio.value == there["0.000"].ratio.low == 1
    assert there["2.000"].ratio.value == pytest.approx(3)


def report(point, choosing: list, held: list, **options) -> str:
    return "\n".join(pick.verdict(point, choosing, held, aim(**options), NAMES))


def test_luck_on_the_half_that_chooses_is_not_reported():
    """At 1 the even prompts, which choose, are higher by .3 than the odd ones, which test."""
    texts = {value: samples(*numbers) for value, numbers in LINE.items()}
    texts["1.000"] = samples(0.5, 13, lucky=0.3)
    choosing, held = (pick.on_half(texts, half, aim(), BOOTSTRAP) for half in (0, 1))
    point = pick.choose(choosing, aim())
    assert point.value == "1.000" and point.attribute.value == pytest.approx(0.8)
    said = report(point, choosing, held)
    assert "PICKED: α = 1.000, the point nearest to the reference with a mean joy of at" in said
    assert "mean joy: 0.50 [" in said
    assert "There it does not hold: the level is missed." in said


def test_the_report_says_whether_the_intervals_hold_too():
    def held(**options) -> str:
        choosing = points(LINE, **options)
        return report(pick.choose(choosing, aim(**options)), choosing, choosing, **options)

    assert "There it holds, with the whole of both intervals." in held(level=0.5)
    assert "There it holds, but not with the whole of both intervals." in held(level=0.7)
    assert "α = -1.000, the point with the lowest mean joy, for" in held(level=None, sign=-1)
    assert "α = 1.000, the point with the highest mean joy, for" in held(level=None)


def test_where_there_is_none_the_report_says_what_would_be():
    def none(line: dict = LINE, **options) -> str:
        choosing = points(line, **options)
        assert pick.choose(choosing, aim(**options)) is None
        return report(None, choosing, choosing, **options)

    assert "NONE: no measured point has a mean joy of at least 0.85 for" in none(level=0.85)
    assert "the furthest is α = 1.000, with a mean of 0.70 [" in none(level=0.85)
    assert "At α = 2.000 that level is reached, for 3.0 [" in none(level=0.85)
    assert "No point reaches that level, whatever it costs." in none(level=0.95)
    assert "a mean joy of at most 0.1 for" in none(level=0.1, sign=-1)
    nothing = {**LINE, "0.000": (0.4, np.nan)}
    assert "NONE: no measured point has any texts to judge for" in none(nothing, level=None)
    assert "The reference's own texts have no perplexity" in none(nothing, level=0.1)
    # A point without texts is not the cheapest one.
    assert "At α = 2.000 that" in none({**LINE, "3.000": (0.95, np.nan)}, level=0.85)


def test_it_reads_the_attribute_and_perplexity_at_all_points_of_its_line():
    plan = Plan(DEFAULT)
    inputs = measurements.of_pick(plan)
    assert inputs.keys() == {"texts", "sentiment", "perplexity"}
    assert len(inputs["texts"]) == len(plan.sweeps["g2"].first_values)
    assert measurements.aim_of_pick(plan)["sign"] == 1
    negative = over_default({"pick": {"pole": "negative"}})
    assert measurements.aim_of_pick(Plan(negative))["sign"] == -1


def test_mistakes_of_pick_are_one_line():
    assert over_default({"sweeps": {"g2": None}})["pick"] is None
    assert_refused(changed("pick.sweep", "g3"), "pick.sweep: takes a line with an attribute")
    assert_refused(changed("pick.pole", "glad"), "pick.pole: no pole is called 'glad'")
    assert_refused(changed("pick.cost", 0.5), "pick.cost: ")
    alone = changed("sweeps.g2.scorers", ["sentiment"])
    line = "pick.sweep: g2 needs the scorer sentiment and one of perplexity; choose another, or say"
    assert_refused(alone, line)
    assert_refused(changed("pick.sweep", "ensemble"), "pick.sweep: ensemble mixes logits")
