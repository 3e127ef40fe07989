"""A user's config laid over the default one."""

import copy

import pytest

from conftest import DEFAULT, SCHEMA, laid_over, over_default
from paramlerp.config import entries, layers

#: sections, and of the default's entries in each one that a user may replace
WHOLE = {
    "attributes": ("sentiment", {"poles": ["a", "b"], "title": "a"}),
    "checkpoints": ("positive", {"kind": "source", "source": "base"}),
    "schemes": ("g3", {"origin": {"positive": 1}, "alpha": {"negative": 1, "positive": -1}}),
    "figures": ("fig5", {"shows": "line", "sweep": "g1"}),
}


@pytest.mark.parametrize("section", WHOLE)
def test_an_entry_of_the_user_s_replaces_the_default_s_whole(section):
    """Not a key of it is left; the others stay as they are."""
    name, entry = WHOLE[section]
    overrides = {section: {name: entry}}
    merged = laid_over(DEFAULT, overrides)
    layered = layers.laid_over(merged, overrides)
    assert layered == {**DEFAULT, section: {**DEFAULT[section], name: entry}}
    assert layered != merged, "as Snakemake merges them"


MIXED = {
    "sources": ("base", "revision"),
    "corpora": ("films", "held_out"),
    "prompts": ("neutral", "count"),
    "scorers": ("grammar", "title"),
    "sweeps": ("g1", "samples"),
}


@pytest.mark.parametrize("section", MIXED)
def test_of_other_entries_single_keys_are_replaced(section):
    name, key = MIXED[section]
    found = over_default({section: {name: {key: "mine"}}})
    whole = {**DEFAULT[section], name: {**DEFAULT[section][name], key: "mine"}}
    assert found == {**DEFAULT, section: whole}


@pytest.mark.parametrize("section", [*WHOLE, *MIXED])
def test_null_takes_a_name_away(section):
    name = list(DEFAULT[section])[-1]
    left = {key: value for key, value in DEFAULT[section].items() if key != name}
    assert over_default({section: {name: None}})[section] == left
    assert over_default({section: {"nobody": None}})[section] == DEFAULT[section]


def test_with_a_sweep_go_its_figures_and_what_is_drawn_of_it():
    found = over_default({"sweeps": {"g2": None}})
    gone = {name for name in DEFAULT["figures"] if name not in found["figures"]}
    assert gone == {"fig5"}, "of which it was the second line"
    assert found["sweeps"]["g3"]["over"] == ["g1"] and DEFAULT["sweeps"]["g3"]["over"][1:] == ["g2"]
    found = over_default({"sweeps": {"g1": None, "g3": None}, "figures": {"fig6": None}})
    assert set(found["figures"]) == {"fig9", "fig10", "fig11"}
    layers.complete(found, SCHEMA)


def test_a_config_laid_over_another_changes_neither():
    own = {"schemes": {"g1": {"origin": {"base": 1}}}, "sweeps": {"g2": None}}
    config_, own_ = laid_over(DEFAULT, own), copy.deepcopy(own)
    before = copy.deepcopy(config_)
    found = layers.laid_over(config_, own)
    found["schemes"]["g1"]["origin"]["base"] = 2
    assert own == own_ and config_ == before


def test_what_is_left_over_of_another_kind_is_no_mistake():
    """A scorer, source or corpus is replaced by its new kind and that kind's keys."""
    grammar = {"kind": "classifier", "model": "base", "labels": ["a", "b"], "values": [0, 1]}
    own = {
        "sources": {"tagger": None, "base": {"kind": "hub", "id": "gpt2"}},
        "scorers": {
            "grammar": {**grammar, "max_tokens": 9},
            "perplexity": {"kind": "vader"},
            "vader": {"kind": "perplexity", "model": "base", "unigrams": ["reviews"]},
        },
        "prompts": {"neutral": {"at_least": None, "at_most": None}},
    }
    layers.complete(over_default(own), SCHEMA)
    assert entries.selection(over_default(own)["prompts"]["neutral"]) == {}
