"""Mistakes in the config: sources, attributes, checkpoints, scorers, pretraining.

Each is refused in one line before any job runs.
"""

import pytest

from conftest import DEFAULT, SCHEMA
from mistakes import REMOVED, assert_refused, changed
from paramlerp.config import layers
from runs import snakemake

IN_THE_CONFIG = [
    # unknown keys, missing keys, and values of the wrong type
    ("sed", 1, "(top level): unknown key sed; known: "),
    ("finetuning.step", [1], "finetuning: unknown key step; known: "),
    ("finetuning.steps", REMOVED, "finetuning: 'steps' is a required property"),
    ("finetuning.steps", [0], "finetuning.steps.0: 0 is less than the minimum of 1"),
    (
        "finetuning.learning_rate",
        ["1e-4"],
        "finetuning.learning_rate.0: '1e-4' is not of type 'number'",
    ),
    (
        "finetuning.batch_size",
        [10**20],
        "finetuning.batch_size.0: 100000000000000000000 is greater than the maximum of 1000000",
    ),
    *(
        (key, 10**20, f"{key}: 100000000000000000000 is greater than the maximum of 1000000")
        for key in (
            "finetuning.max_tokens",
            "finetuning.validation_texts",
            "classification.batch_size",
            "classification.epochs",
            "pretraining.block",
            "pretraining.device_batch",
            "pretraining.effective_batch",
            "pretraining.steps",
            "pretraining.warmup_steps",
            "pretraining.tokenizer.vocabulary",
            "prompts.neutral.count",
            "prompts.neutral.words",
            "generation.max_new_tokens",
            "generation.max_rows",
            "scorers.sentiment.max_tokens",
            "statistics.resamples",
            "sweeps.g1.samples",
            "test_texts",
            "divergence_texts",
        )
    ),
    ("seed", "one", "seed: 'one' is not of type 'integer'"),
    ("generation.top_p", 1.5, "generation.top_p: 1.5 is greater than the maximum of 1"),
    (
        "generation.samples_per_file",
        0,
        "generation.samples_per_file: 0 is less than the minimum of 1",
    ),
    ("sweeps", ["g1"], "sweeps: ['g1'] is not of type 'object'"),
    ("keep_merged", {"a": 1}, "keep_merged: {'a': 1} is not of type 'boolean'"),
    ("pretraining.betas", {"a": 1}, "pretraining.betas: {'a': 1} is not of type 'array'"),
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
    # unknown names of sources, checkpoints and prompts
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
        "attributes.sentiment.text: its keys must be positive ",
    ),
    (
        "attributes.sentiment.text.neutral",
        {"source": "reviews"},
        "attributes.sentiment.text: its keys must be positive ",
    ),
    (
        "attributes.sentiment.poles",
        ["positive", "neutral"],
        "attributes.sentiment.text: its keys must be positive and neutral",
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
        "checkpoints.base: unknown key of; known: kind, separator, source, symbol",
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
    # scorers without a valid meaning
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
        "scorers.sentiment: needs as many values as labels",
    ),
    ("scorers.sentiment.values", [0, 0.5], "scorers.sentiment.values: one label must count 1"),
    (
        "checkpoints.sentiment_judge.also_test_on",
        {"reviews": DEFAULT["attributes"]["sentiment"]["text"]},
        "checkpoints.sentiment_judge.also_test_on.reviews: the classifier is trained on reviews",
    ),
    (
        "checkpoints.sentiment_judge.also_test_on.editorials.negative",
        REMOVED,
        "checkpoints.sentiment_judge.also_test_on.editorials: its keys must be positive ",
    ),
    # checkpoints that the workflow trains
    (
        "scorers.perplexity.model",
        "reviwer",
        "scorers.perplexity.model: no checkpoint is called 'reviwer'; there are base, ",
    ),
    # pretraining, corpora and pairs
    (
        "pretraining.effective_batch",
        1000,
        "pretraining.effective_batch: 1000 is no whole number of 1 processes x device_batch 32",
    ),
    ("pretraining.warmup_steps", 400, "pretraining.warmup_steps: must be fewer than the steps"),
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
        "corpora.films.source: only reader table can stream",
    ),
    ("corpora.films.sources", ["base"], "corpora.films.sources: source 'base' declares no reader"),
    (
        "schemes.unrelated.alpha",
        {"papers": 1, "films_1": -1},
        "schemes.unrelated: alpha: no checkpoint is called 'papers'; there are ",
    ),
    ("sweeps.pairs.schemes", ["copies"], "sweeps.pairs.schemes: no scheme is called 'copies'"),
    ("sweeps.pairs.losses", ["songs"], "sweeps.pairs.losses: no pole or corpus is called 'songs'"),
    (
        "sweeps.pairs.points.alpha",
        [0, 0.5],
        "sweeps.pairs.points: 0 and 1, the checkpoints themselves, must be among them",
    ),
]


def test_the_default_config_is_valid():
    layers.complete(DEFAULT, SCHEMA)


@pytest.mark.parametrize(("key", "value", "line"), IN_THE_CONFIG)
def test_a_mistake_in_the_config_names_its_key(key, value, line):
    assert_refused(changed(key, value), line)


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
def test_a_mistake_in_the_config_is_refused_before_any_job_runs(tmp_path, change, line):
    mistake = tmp_path / "mistake.yaml"
    mistake.write_text(change + "\n")
    run = snakemake(tmp_path, configfile=mistake)
    assert run.returncode != 0
    assert line in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "results").exists()
