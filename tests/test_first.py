"""`snakemake first`: bars with intervals and one prompt's texts, from the shards of all."""

import re

import numpy as np
import pandas as pd
import pytest

from conftest import DEFAULT, over_default
from mistakes import assert_refused, changed
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.samples import Samples
from paramlerp.plan import measurements
from paramlerp.plan.plan import Plan
from texts import first

NAMES = {
    "coordinate": "alpha",
    "letter": "α",
    "line": "α in g₂(α) = θ⁰ + αθ⁺ − αθ⁻",
    "title": "positive sentiment",
    "confidence": "95%",
}


def samples(scores: list[float], texts: list[str]) -> Samples:
    """The samples of a point: two prompts, two samples each."""
    keys = pd.DataFrame({"prompt_id": [0, 0, 1, 1], "sample_id": [0, 1, 0, 1]})
    frame = keys.assign(prompt=["The film", "The film", "A story", "A story"], text=texts)
    frame = frame.assign(n_tokens=2, n_special=0, ended=[True, False, True, True])
    return Samples(frame, {"mood": ("vader", keys.assign(score=scores))})


@pytest.fixture
def page() -> str:
    points = [
        samples([0.0, 0.2, 0.2, 0.4], ["was dull", "was long", "was told", "of woe"]),
        samples([0.8, 0.6, 0.7, 0.7], ["was fun", "was short and sweet", "of joy", "of hope"]),
    ]
    rows = []
    for value, point in zip(("-0.500", "1.000"), points, strict=True):
        measured = first.measure({"alpha": value}, point, Bootstrap(200, 0.95, 1))
        rows.append(measured.row())
    return first.page(pd.DataFrame(rows), points, "mood", NAMES)


def test_a_bar_is_full_to_the_low_end_and_half_to_the_high_end():
    assert first.bar(0.5, 0.25, 0.75) == "█" * 10 + "▒" * 20 + "·" * 10 + " 0.50 [0.25, 0.75]"
    assert first.bar(1, 1, 1).startswith("█" * first.BAR + " ")
    assert first.bar(0, 0, 0).startswith("·" * first.BAR + " ")


def test_the_text_shown_is_the_one_that_follows_the_means_the_furthest():
    scores = np.array([[0.0, 1.0], [0.4, 0.8], [0.9, 0.1], [0.7, 0.9]])
    assert first.clearest(scores) == 0
    assert first.clearest(scores[1:]) == 1  # now the means fall


def test_the_page_has_a_bar_and_a_text_of_each_point(page):
    assert "Positive sentiment along α in g₂(α)" in page
    assert "The mean over 4 texts, 2 of each of 2 prompts, and its 95% interval:" in page
    assert re.search(r"α = -0.5 +█*▒*·* 0\.20 \[", page)
    assert re.search(r"α = \+1 +█*▒*·* 0\.70 \[", page)
    # The first text rises from 0.0 to 0.8; the page shows it and no other, in the order of alpha.
    assert page.index("The film ...") < page.index("was dull") < page.index("was fun")
    assert "was told" not in page and "of hope" not in page


def test_no_line_of_the_page_is_wider_than_a_terminal(page):
    assert max(map(len, page.splitlines())) <= 80


def test_a_text_that_was_cut_ends_in_dots():
    point = samples([0.9, 0.4, 0.1, 0.1], ["b c", "a", "d", "e"])
    point.texts["ended"] = False
    row = first.measure({"alpha": "0.000"}, point, Bootstrap(200, 0.95, 1)).row()
    page = first.page(pd.DataFrame([row]), [point], "mood", NAMES)
    assert re.search(r"α = +0 +b c \.\.\.\n", page)


def test_it_reads_the_shards_of_all_at_its_points():
    inputs = measurements.of_first(Plan(DEFAULT))
    values = DEFAULT["first"]["points"]
    assert len(inputs["texts"]) == len(values) >= 5
    assert set(inputs["texts"]) <= set(measurements.of_sweep(Plan(DEFAULT), "g2")["texts"])
    assert inputs.keys() == {"texts", "sentiment"}


def test_points_that_the_sweep_lacks_are_left_out():
    config = over_default({"sweeps": {"g2": {"points": {"alpha": [0, 0.5, 7]}}}})
    assert len(measurements.of_first(Plan(config))["texts"]) == 2
    assert over_default({"sweeps": {"g2": None}})["first"] is None
    assert len(measurements.of_first(Plan(changed("first.points", [7])))["texts"]) == 9
    assert_refused(changed("first.points", [0, 0.0001]), "first.points: ")
    assert_refused(changed("first.sweep", "g3"), "first.sweep: takes a line with an attribute")
