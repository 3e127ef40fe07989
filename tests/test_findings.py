"""Sentences of findings, and a tagger's references: only what an interval supports is said."""

import numpy as np
import pandas as pd
import pytest

from conftest import tiny_tagger
from paramlerp.drawing import findings
from paramlerp.measure import tagging
from scores import tagger_reference


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.4, 0.33, 0.47), "rises by .40 [.33, .47]"),
        ((-0.1, -0.15, -0.04), "falls by .10 [.04, .15]"),
        ((9.53, 1.1, 18.4), "rises by 10 [1, 18]"),
        ((0.0017, 0.0003, 0.0031), "rises by .0017 [.0003, .0031]"),
        ((9.5, 0.02, 18.4), "rises by 9.50 [.02, 18.40]"),
        ((0.2, -0.01, 0.4), ""),
        ((0.2, 0.0, 0.4), ""),
        ((0.2, np.nan, np.nan), ""),
        ((np.nan, np.nan, np.nan), ""),
    ],
)
def test_a_change_is_written_if_its_interval_lacks_0(numbers, text):
    assert findings.change(*numbers) == text


def test_sets_of_prompts_change_together_or_not_at_all():
    up, down, unsure = (0.2, 0.1, 0.3), (-0.2, -0.3, -0.1), (0.2, -0.1, 0.5)
    assert findings.changes({"a": up}) == "rises by .20 [.10, .30]"
    both = "falls by .20 [.10, .30] (a), .20 [.10, .30] (b prompts)"
    assert findings.changes({"a": down, "b": down}) == both
    for rows in ({}, {"a": up, "b": down}, {"a": up, "b": unsure}):
        assert findings.changes(rows) == ""


def test_a_ratio_is_that_of_a_difference_of_logarithms():
    assert findings.ratio(*np.log([0.29, 0.26, 0.34])) == ".29 [.26, .34] times"
    assert findings.ratio(*np.log([0.9, 0.7, 1.1])) == ""


def test_the_largest_difference_is_among_those_that_the_bands_are_sure_of():
    rows = pd.DataFrame(
        {"difference": [9, -3, 2], "band_low": [-1, -5, 1], "band_high": [20, -1, 3]}
    )
    assert findings.largest(rows)["difference"] == -3
    assert findings.largest(rows.iloc[:1]) is None
    assert findings.rounded(0.1201) == ".13" and findings.rounded(33.2) == "34"


def test_a_swap_changes_the_place_of_two_neighbours_and_depends_on_the_text_alone():
    text = "a b c d e f"
    swapped = tagger_reference.swap(text, 1)
    moved = [
        i for i, (x, y) in enumerate(zip(text.split(), swapped.split(), strict=True)) if x != y
    ]
    assert len(moved) == 2 and moved[1] == moved[0] + 1
    assert sorted(swapped.split()) == text.split() and tagger_reference.swap(text, 1) == swapped
    assert len({tagger_reference.swap(text, seed) for seed in range(30)}) == 5
    assert tagger_reference.swap("no no", 1) == "no no" and tagger_reference.swap("no", 1) == "no"


def test_the_references_are_means_over_the_same_texts(tmp_path):
    """The tiny tagger looks at words alone, so a swap changes no score; an empty text has none."""
    tagger = tagging.Tagger(tiny_tagger(tmp_path), threads=1)
    real, swapped = tagger_reference.main(["good good", "edit good", ""], tagger, 1)
    assert (real["text"], swapped["text"]) == ("real", "swapped")
    assert real["score"] == pytest.approx((0.9 + (0.1 * 0.9) ** 0.5) / 2, rel=1e-3)
    assert swapped["score"] == pytest.approx(real["score"]) and real["n_texts"] == 2
