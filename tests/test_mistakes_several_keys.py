"""Mistakes in the config that involve several keys. Each is refused in one line."""

import pytest

from conftest import DEFAULT, over_default
from mistakes import assert_refused

CUBE = {"origin": {"base": 1}}
CUBE |= {name: {"positive": 1, "base": -1} for name in ("alpha", "beta", "gamma")}
#: a figure of next words for a sweep that mixes logits
WORDS_OF_LOGITS = {"shows": "next_words", "sweep": "ensemble"}
TABLE = {"kind": "path", "path": "/", "reader": "table", "text": "text"}

#: a user's config, and the start of the error line
USER_CONFIGS = [
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
        "sweeps.ensemble.prompts: neutral is not in sweeps.g2.prompts, which it is shown beside",
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
    # names that are taken, and schemes that do not fit the sweep
    (
        {"sweeps": {"g1_differences": DEFAULT["sweeps"]["g1"]}},
        "sweeps.g1_differences: another table has that name",
    ),
    *(
        (
            {"sweeps": {f"fig5_{end}": DEFAULT["sweeps"]["g1"]}},
            f"sweeps.fig5_{end}: another table has that name",
        )
        for end in ("paired", "at_equal")
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
        "sweeps.g3.schemes: a plane has one scheme",
    ),
    (
        {
            "schemes": {"tilt": {"origin": {"base": 1}, "alpha": {"films_1": 1, "base": -1}}},
            "sweeps": {
                "tilt": {**DEFAULT["sweeps"]["g1"], "schemes": ["tilt"]},
                "g3": {"over": ["tilt"]},
            },
        },
        "sweeps.g3.over: tilt has no points of its own on the plane",
    ),
    (
        {"sweeps": {"ensemble": {"losses": ["positive"]}}},
        "sweeps.ensemble.losses: a sweep that mixes logits has none",
    ),
    (
        {"sweeps": {"ensemble": {"schemes": ["ensemble"]}}, "figures": {"fig4": WORDS_OF_LOGITS}},
        "figures.fig4.sweep: next_words takes merged weights",
    ),
    # mistakes that would otherwise fail only after a training
    (
        {"scorers": {"sentiment": {"labels": ["positive", "negative"]}}},
        "scorers.sentiment.labels: those of sentiment_judge are ['negative', 'positive']",
    ),
    (
        {"pretraining": {"tokenizer": {"kind": "model", "model": "films_1"}}},
        "pretraining.tokenizer.model: films_1 is pretrained with it",
    ),
    (
        {"checkpoints": {"copy": {"kind": "permuted", "of": "sentiment_judge"}}},
        "checkpoints.copy.of: sentiment_judge is a classifier",
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
        "resources.pretrain.gpu: fewer than pretraining.processes, which need one each",
    ),
]


@pytest.mark.parametrize(("user_config", "line"), USER_CONFIGS)
def test_a_mistake_of_several_keys_names_one_of_them(user_config, line):
    assert_refused(over_default(user_config), line)
