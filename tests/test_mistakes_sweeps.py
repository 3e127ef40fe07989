"""Mistakes in the config: schemes, sweeps and figures. Each is refused in one line."""

import pytest

from conftest import DEFAULT
from mistakes import REMOVED, assert_refused, changed

IN_THE_CONFIG = [
    # schemes
    ("schemes.g1.origin", {"base": 0.5}, "schemes.g1: origin: its coefficients sum to 0.5, not to"),
    ("schemes.g1.alpha", {"base": 1}, "schemes.g1: alpha: its coefficients sum to 1, not to 0"),
    (
        "schemes.g1.origin",
        {"positiv": 1},
        "schemes.g1: origin: no checkpoint is called 'positiv'; there are ",
    ),
    (
        "schemes.g1.alpha.neutral",
        0,
        "schemes.g1: alpha: no checkpoint is called 'neutral'; there are ",
    ),
    ("schemes.g1.alpha", REMOVED, "schemes.g1: it has no coordinate"),
    ("schemes.g1.alpha.positive", "x", "schemes.g1: 'x' is not a finite number"),
    ("schemes.g1.origin", REMOVED, "schemes.g1: 'origin' is a required property"),
    ("schemes.g1.kind", "curved", "schemes.g1.kind: 'curved' is not one of ['linear']"),
    ("schemes.g1.mixes", "outputs", "schemes.g1.mixes: 'outputs' is not one of ['weights', 'log"),
    ("schemes.g1.nucleus_of", "negative", "schemes.g1: nucleus_of: only a scheme that mixes"),
    (
        "schemes.truncated_ensemble.nucleus_of",
        "positive",
        "schemes.truncated_ensemble: nucleus_of: 'positive' is not in the origin",
    ),
    # points
    ("sweeps.g1.points.alpha", [0, 0.5, 0.50], "sweeps.g1.points.alpha: 0.500 is there twice"),
    ("sweeps.g1.points.alpha", [0, "x"], "sweeps.g1.points.alpha: 'x' is not a finite number"),
    (
        "sweeps.g1.points.alpha",
        [0, 0.0005],
        "sweeps.g1.points.alpha: 0.0005 has more than three decimals",
    ),
    (
        "sweeps.g1.points.alpha",
        {"from": 0, "to": 1, "step": 0.3},
        "sweeps.g1.points.alpha: from 0.000 to 1.000 is no whole number of steps of 0.300",
    ),
    ("prompts", {2024: {}}, "prompts: 2024 is not of type 'string'"),
    ("sweeps.g1.points.alpha", [], "sweeps.g1.points.alpha: [] should be non-empty"),
    (
        "sweeps.g1.points.alpha",
        {"from": 0, "to": 1},
        "sweeps.g1.points.alpha: 'step' is a required property",
    ),
    (
        "sweeps.g1.points.alpha",
        {"from": 0, "to": 1, "by": 1, "step": 1},
        "sweeps.g1.points.alpha: unknown key by; known: from, step, to",
    ),
    ("sweeps.g1.points", {"beta": [0]}, "sweeps.g1.points: g1 has the coordinates alpha"),
    ("sweeps.g1.points.beta", [0], "sweeps.g1.points: g1 has the coordinates alpha"),
    ("sweeps.g3.points.beta", REMOVED, "sweeps.g3.points: g3 has the coordinates alpha, beta"),
    ("sweeps.g1.schemes", ["g4"], "sweeps.g1.schemes: no scheme is called 'g4'"),
    ("sweeps.g1.schemes", ["g1", "g1"], "sweeps.g1.schemes: ['g1', 'g1'] has non-unique elements"),
    (
        "sweeps.ensemble.schemes",
        ["g2", "ensemble"],
        "sweeps.ensemble.schemes: either all mix weights or all mix logits",
    ),
    ("sweeps.g1.attribute", "mood", "sweeps.g1.attribute: no attribute is called 'mood'"),
    ("sweeps.g1.scorers", ["mood"], "sweeps.g1.scorers: no scorer is called 'mood'"),
    ("sweeps.g1.losses", ["glad"], "sweeps.g1.losses: no pole or corpus is called 'glad'"),
    ("sweeps.g1.truncated", [True], "sweeps.g1: unknown key truncated; known: "),
    ("sweeps.ensemble.schemes", REMOVED, "sweeps.ensemble: 'schemes' is a required property"),
    ("sweeps.g2.samples", 0, "sweeps.g2.samples: 0 is less than the minimum of 1"),
    (
        "sweeps.ensemble.points.alpha",
        [0, 0.7],
        "sweeps.ensemble.points.alpha: 0.700 is not in sweeps.g2.points.alpha, which it is shown "
        "beside",
    ),
    (
        "sweeps.ensemble.samples",
        5,
        "sweeps.ensemble.samples: 5 is more than sweeps.g2.samples, which it is shown beside",
    ),
    ("sweeps.ensemble.against", "g4", "sweeps.ensemble.against: no sweep is called 'g4'"),
    (
        "sweeps.ensemble.against",
        "pairs",
        "sweeps.ensemble.against: takes logits here, and merged weights on disk there",
    ),
    (
        "sweeps.ensemble.attribute",
        REMOVED,
        "sweeps.ensemble.attribute: missing; the two are compared along its text",
    ),
    (
        "sweeps.g3.samples",
        5,
        "sweeps.g3.samples: 5 is more than sweeps.g1.samples, which it is shown beside",
    ),
    ("sweeps.g3.over", ["g4"], "sweeps.g3.over: no sweep is called 'g4'"),
    (
        "sweeps.g3.losses",
        ["films"],
        "sweeps.g3.losses: films is not in sweeps.g1.losses, which it is shown beside",
    ),
    (
        "sweeps.g3.points.alpha",
        [0],
        "sweeps.g3.points: a plane has two or more values of each coordinate",
    ),
    # sweeps in memory
    (
        "sweeps.ensemble.in_memory",
        True,
        "sweeps.ensemble.in_memory: a sweep that mixes logits merges nothing",
    ),
    ("sweeps.g3.losses", REMOVED, "sweeps.g3.losses: missing; a sweep in_memory measures them"),
    (
        "sweeps.again",
        DEFAULT["sweeps"]["g3"],
        "sweeps.again.in_memory: sweeps.g3 has g3 in_memory, too",
    ),
    (
        "sweeps.again",
        {**DEFAULT["sweeps"]["g1"], "losses": ["positive"]},
        "sweeps.again.losses: sweeps.g1 measures others along g1",
    ),
    # figures
    (
        "figures.fig3.shows",
        "bars",
        "figures.fig3.shows: 'bars' is not one of ['line', 'next_words', ",
    ),
    ("figures.fig3.colour", "red", "figures.fig3: unknown key colour; known: "),
    ("figures.fig3.sweep", REMOVED, "figures.fig3.sweep: missing; line needs it"),
    ("figures.fig3.sweep", "g4", "figures.fig3.sweep: no sweep is called 'g4'; there are "),
    ("figures.fig3.sweep", "g3", "figures.fig3.sweep: line takes schemes of 1 coordinate(s)"),
    ("figures.fig3.sweep", "pairs", "figures.fig3.sweep: line takes a sweep that is not in_memory"),
    ("figures.fig7.sweep", "g1", "figures.fig7.sweep: plane takes schemes of 2 coordinate(s)"),
    ("figures.fig9.sweep", "g1", "figures.fig9.sweep: differences takes a sweep that is in_memory"),
    ("figures.fig9.schemes", ["copies"], "figures.fig9.schemes: no scheme of its sweep is called "),
    ("figures.fig9.schemes", REMOVED, "figures.fig9.schemes: missing; differences needs it"),
    ("figures.fig11.sweep", "g1", "figures.fig11.sweep: nothing in g1 is pretrained"),
    (
        "figures.fig4.sweep",
        "ensemble",
        "figures.fig4.sweep: next_words takes a sweep of one scheme",
    ),
    ("figures.fig5.beside", "g3", "figures.fig5.beside: two_lines takes schemes of 1 coordinate"),
    ("figures.fig5.beside", "pairs", "figures.fig5.beside: two_lines takes a sweep that is not in"),
    (
        "figures.fig5.beside",
        "ensemble",
        "figures.fig5.beside: two_lines takes a sweep of one scheme",
    ),
    ("sweeps.g1.attribute", REMOVED, "sweeps.g1.attribute: missing; figures.fig3 shows one"),
    ("sweeps.g1.scorers", ["grammar"], "sweeps.g1.scorers: lacks sentiment; figures.fig3 shows it"),
    ("sweeps.ensemble.against", REMOVED, "sweeps.ensemble.against: missing; figures.fig6 shows "),
    (
        "attributes.sentiment.next_words",
        REMOVED,
        "attributes.sentiment.next_words: missing; figures.fig4 shows them",
    ),
    # next words, which figure 4 shows
    (
        "attributes.sentiment.next_words.prompt",
        "The movie was ",
        "attributes.sentiment.next_words.prompt: 'The movie was ' does not match",
    ),
    (
        "attributes.sentiment.next_words.words.positive",
        ["good", "good"],
        "attributes.sentiment.next_words.words.positive: ['good', 'good'] has non-unique",
    ),
    (
        "attributes.sentiment.next_words.words.positive",
        [" good"],
        "attributes.sentiment.next_words.words.positive.0: ' good' does not match",
    ),
    (
        "attributes.sentiment.next_words.words.negative",
        ["bad", "good"],
        "attributes.sentiment.next_words.words: 'good' is a word of both poles",
    ),
    (
        "attributes.sentiment.next_words.words.negative",
        REMOVED,
        "attributes.sentiment.next_words.words: its keys must be positive and negative",
    ),
]


@pytest.mark.parametrize(("key", "value", "line"), IN_THE_CONFIG)
def test_a_mistake_in_the_config_names_its_key(key, value, line):
    assert_refused(changed(key, value), line)
