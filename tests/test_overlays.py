"""A user's config laid over the default one."""

import copy

import pytest

from conftest import DEFAULT, SCHEMA, laid_over, over_default
from paramlerp.config import entries, layers

#: section whose entries are replaced as a whole -> name of a default entry, a user's entry
REPLACED = {
    "attributes": ("sentiment", {"poles": ["a", "b"], "title": "a"}),
    "checkpoints": ("positive", {"kind": "source", "source": "base"}),
    "schemes": ("g3", {"origin": {"positive": 1}, "alpha": {"negative": 1, "positive": -1}}),
    "figures": ("fig5", {"shows": "line", "sweep": "g1"}),
}


@pytest.mark.parametrize("section", REPLACED)
def test_an_entry_of_a_user_replaces_all_of_the_default_entry(section):
    """None of its keys is left. The other entries stay as they are."""
    name, entry = REPLACED[section]
    overrides = {section: {name: entry}}
    merged = laid_over(DEFAULT, overrides)
    layered = layers.laid_over(merged, overrides)
    assert layered == {**DEFAULT, section: {**DEFAULT[section], name: entry}}
    assert layered != merged, "Snakemake alone would merge the keys of both"


#: section whose entries are merged key by key -> name of a default entry, one of its keys
MERGED = {
    "sources": ("base", "revision"),
    "corpora": ("films", "held_out"),
    "prompts": ("neutral", "count"),
    "scorers": ("grammar", "title"),
    "sweeps": ("g1", "samples"),
}


@pytest.mark.parametrize("section", MERGED)
def test_in_other_sections_a_user_replaces_single_keys_of_an_entry(section):
    name, key = MERGED[section]
    config = over_default({section: {name: {key: "mine"}}})
    named = {**DEFAULT[section], name: {**DEFAULT[section][name], key: "mine"}}
    assert config == {**DEFAULT, section: named}


@pytest.mark.parametrize("section", [*REPLACED, *MERGED])
def test_null_removes_an_entry(section):
    name = list(DEFAULT[section])[-1]
    left = {key: value for key, value in DEFAULT[section].items() if key != name}
    assert over_default({section: {name: None}})[section] == left
    assert over_default({section: {"nobody": None}})[section] == DEFAULT[section]


def test_removing_a_sweep_removes_its_figures_and_overlays():
    config = over_default({"sweeps": {"g2": None}})
    removed = {name for name in DEFAULT["figures"] if name not in config["figures"]}
    assert removed == {"fig5"}, "the sweep was its second line"
    assert config["sweeps"]["g3"]["over"] == ["g1"]
    assert DEFAULT["sweeps"]["g3"]["over"][1:] == ["g2"]
    config = over_default({"sweeps": {"g1": None, "g3": None}, "figures": {"fig6": None}})
    assert set(config["figures"]) == {"fig9", "fig10", "fig11"}
    layers.complete(config, SCHEMA)


def test_a_config_laid_over_another_changes_neither():
    overrides = {"schemes": {"g1": {"origin": {"base": 1}}}, "sweeps": {"g2": None}}
    config = laid_over(DEFAULT, overrides)
    overrides_before, config_before = copy.deepcopy(overrides), copy.deepcopy(config)
    layered = layers.laid_over(config, overrides)
    layered["schemes"]["g1"]["origin"]["base"] = 2
    assert overrides == overrides_before and config == config_before


def test_default_keys_that_another_kind_lacks_are_no_mistake():
    """A scorer, source or corpus of a new kind has that kind's keys alone."""
    grammar = {"kind": "classifier", "model": "base", "labels": ["a", "b"], "values": [0, 1]}
    overrides = {
        "sources": {"tagger": None, "base": {"kind": "hub", "id": "gpt2"}},
        "scorers": {
            "grammar": {**grammar, "max_tokens": 9},
            "perplexity": {"kind": "vader"},
            "vader": {"kind": "perplexity", "model": "base", "unigrams": ["reviews"]},
        },
        "prompts": {"neutral": {"at_least": None, "at_most": None}},
    }
    layers.complete(over_default(overrides), SCHEMA)
    assert entries.selection(over_default(overrides)["prompts"]["neutral"]) == {}
