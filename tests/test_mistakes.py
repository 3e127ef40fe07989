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

from conftest import ROOT, laid_over, make_inputs, save, snakemake, tiny, tiny_encoder
from paramlerp import config, files
from paramlerp.errors import UserError

SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
REMOVED = object()

IN_THE_CONFIG = [
    # keys that do not exist, are missing, or hold something else
    ("sed", 1, "(top level): unknown key sed; known: "),
    ("experts.step", [1], "experts: unknown key step; known: "),
    ("experts.steps", REMOVED, "experts: 'steps' is a required property"),
    ("experts.steps", [0], "experts.steps.0: 0 is less than the minimum of 1"),
    ("experts.learning_rate", ["1e-4"], "experts.learning_rate.0: '1e-4' is not of type 'number'"),
    ("seed", "one", "seed: 'one' is not of type 'integer'"),
    ("generation.top_p", 1.5, "generation.top_p: 1.5 is greater than the maximum of 1"),
    # sources
    ("sources.base", REMOVED, "sources.base: missing; it is the model that experts start from"),
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
        "sources.reviews.positive_from",
        REMOVED,
        "sources.reviews.positive_from: missing; its reader needs it",
    ),
    # names of sources, models and prompts that nothing has
    ("corpus.source", "films", "corpus.source: no source is called 'films'"),
    ("corpus.source", "base", "corpus.source: source 'base' declares no reader"),
    ("scorers.sentiment.model", "x", "scorers.sentiment.model: no model is called 'x'; there are "),
    ("scorers.grammar.model", "sentiment", "scorers.grammar.model: no model is called 'sentiment'"),
    (
        "scorers.perplexity.model",
        "reviews",
        "scorers.perplexity.model: no model is called 'reviews'",
    ),
    (
        "classifiers.sentiment.encoder",
        "sentiment",
        "classifiers.sentiment.encoder: no model is called 'sentiment'",
    ),
    ("sweeps.g1.prompts", ["sad"], "sweeps.g1.prompts: no prompt set 'sad'"),
    # fractions that do not add up
    ("corpus.parts.experts", 0.9, "corpus.parts: the fractions add up to more than 1"),
    ("corpus.splits.test", 0.2, "corpus.splits: the fractions do not add up to 1"),
    (
        "corpus.parts.classifier",
        0,
        "corpus.parts.classifier: 0, but sentiment is trained on it",
    ),
    # scorers that would be read the wrong way
    ("scorers.grammar", REMOVED, "scorers: 'grammar' is a required property"),
    ("scorers.perplexity.kind", "vader", "scorers.perplexity.kind: must be perplexity"),
    (
        "scorers.sentiment.values",
        [0, 0.5, 1],
        "scorers.sentiment: as many labels as values, please",
    ),
    ("scorers.sentiment.values", [0, 0.5], "scorers.sentiment.values: one label must count 1"),
    (
        "classifiers.sentiment.also_test_on",
        ["reviews"],
        "classifiers.sentiment.also_test_on: reviews is what it is trained on; ",
    ),
    # points of the walk
    ("sweeps.g1.alphas", [0, 0.5, 0.50], "sweeps.g1.alphas: 0.500 is there twice"),
    ("sweeps.g1.alphas", [0, "x"], "sweeps.g1.alphas: 'x' is not a finite number"),
    ("sweeps.g1.alphas", [0, 0.0005], "sweeps.g1.alphas: 0.0005 has more than three decimals"),
    (
        "sweeps.g1.alphas",
        {"from": 0, "to": 1, "step": 0.3},
        "sweeps.g1.alphas: from 0.000 to 1.000 is no whole number of steps of 0.300",
    ),
    ("prompts", {2024: {}}, "prompts: 2024 is not of type 'string'"),
    ("sweeps.g1.alphas", [], "sweeps.g1.alphas: [] is too short"),
    ("sweeps.g1.truncated", [True], "sweeps.g1.truncated: only sweeps.ensemble has that"),
    ("sweeps.ensemble.truncated", REMOVED, "sweeps.ensemble: 'truncated' is a required property"),
    ("sweeps.g2.samples", 0, "sweeps.g2.samples: 0 is less than the minimum of 1"),
    (
        "sweeps.ensemble.alphas",
        [0, 0.7],
        "sweeps.ensemble.alphas: 0.700 is beyond sweeps.g2.alphas, which it is shown beside",
    ),
    (
        "sweeps.g3.samples",
        5,
        "sweeps.g3.samples: 5 is beyond sweeps.g1.samples, which it is shown beside",
    ),
    ("sweeps.g3.alphas", [0], "sweeps.g3.alphas: a lattice has two values or more, or none"),
    # models that are trained here
    (
        "language_models.minilm",
        DEFAULT["language_models"]["reviewer"],
        "language_models.minilm: another model or source has that name",
    ),
    (
        "scorers.perplexity.model",
        "reviwer",
        "scorers.perplexity.model: no model is called 'reviwer'; there are base, minilm, tagger,"
        " reviewer",
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
        "pretraining.models.films_1.corpus",
        "songs",
        "pretraining.models.films_1.corpus: no corpus is called 'songs'",
    ),
    (
        "pretraining.models.minilm",
        {"corpus": "films"},
        "pretraining.models.minilm: another model or source has that name",
    ),
    (
        "pretraining.tokenizer.corpora",
        ["songs"],
        "pretraining.tokenizer.corpora: no corpus of kind texts is called 'songs'",
    ),
    (
        "corpora.films",
        {"kind": "stream", "source": "reviews"},
        "corpora.films.source: only what reader table reads is streamed",
    ),
    ("corpora.films.sources", ["base"], "corpora.films.sources: source 'base' declares no reader"),
    ("pairs.unrelated.b", "papers", "pairs.unrelated.b: no model is called 'papers'; there are "),
    ("figure9", ["twins"], "figure9: 'twins' is not among sweeps.pair.pairs"),
    ("sweeps.pair.pairs", ["twins"], "sweeps.pair.pairs: no pair is called 'twins'"),
    ("sweeps.pair.corpora", ["songs"], "sweeps.pair.corpora: no corpus is called 'songs'"),
    (
        "sweeps.pair.alphas",
        [0, 0.5],
        "sweeps.pair.alphas: 0 and 1 must be among them, the pair itself",
    ),
    # words of figure 4
    ("next_words.prompt", "The movie was ", "next_words.prompt: 'The movie was ' does not match"),
    (
        "next_words.positive",
        ["good", "good"],
        "next_words.positive: ['good', 'good'] has non-unique",
    ),
    ("next_words.positive", [" good"], "next_words.positive.0: ' good' does not match"),
    (
        "next_words.negative",
        ["bad", "good"],
        "next_words.negative: 'good' is among the positive, too",
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


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("seeed: 1", "config: (top level): unknown key seeed; known: "),
        ("sweeps: {g1: {alphas: [0, 0.0]}}", "config: sweeps.g1.alphas: 0.000 is there twice\n"),
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
        save(tiny("llama", tokenizer), tokenizer, folder / "results/experts/positive")
        other = tiny(family, tokenizer, **changes)
        save(other, tokenizer, folder / "results/experts/negative")

    return do


def a_weight_that_is_not_finite(folder: Path, tokenizer) -> None:
    experts_of_ones_own()(folder, tokenizer)
    broken = tiny("llama", tokenizer)
    with torch.no_grad():
        broken.model.norm.weight[0] = torch.nan
    save(broken, tokenizer, folder / "results/experts/negative")


def merged_model_and_long_prompts(folder: Path, tokenizer) -> None:
    save(tiny("llama", tokenizer), tokenizer, folder / MERGED)
    prompt = {"prompt_id": 0, "prompt": "the film is good " * 60}
    files.write_jsonl(folder / "results/prompts/neutral.jsonl", [prompt])


def a_scorer_of_ones_own(folder: Path, tokenizer) -> None:
    tiny_encoder(tokenizer, folder / "results/models/sentiment")
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


SPLIT = "results/data/experts/positive/train.jsonl"
PROMPTS = "results/prompts/neutral.jsonl"
MERGED = "results/merged/g1/alpha=0.500"
TEXTS = "results/generations/neutral/g1/alpha=0.500.jsonl"
SCORES = "results/scores/neutral/g1/sentiment/alpha=0.500.csv"
GRAMMAR = "results/scores/neutral/g1/grammar/alpha=0.500.csv"
CANDIDATE = "results/candidates/positive/lr=0.001_batch=8_steps=12"


def reviews(**keys) -> dict:
    return {"sources": {"reviews": keys}}


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
        config=reviews(label="stars"),
    ),
    Mistake(
        "a label that nothing has: an empty class",
        SPLIT,
        "inputs/reviews.jsonl: no positive text",
        config=reviews(positive=[5]),
    ),
    Mistake(
        "a split too small for the text there is",
        SPLIT,
        "inputs/reviews.jsonl: experts/positive/validation is empty: too little positive text",
        config={"corpus": {"splits": {"train": 0.998, "validation": 0.001, "test": 0.001}}},
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
        "results/base",
        "inputs/base: holds no safetensors, GGUF or pytorch_model.bin",
        files=remove("inputs/base/model.safetensors"),
    ),
    Mistake(
        "weights cut short",
        "results/base",
        "inputs/base/model.safetensors: model.embed_tokens.weight: the file ends in mid-tensor;"
        " it is cut short",
        files=cut("inputs/base/model.safetensors"),
    ),
    Mistake(
        "a model without its tokenizer",
        "results/base",
        "inputs/base: cannot be read as a causal LM: ",
        files=remove("inputs/base/tokenizer.json"),
    ),
    Mistake(
        "experts of different shape",
        MERGED,
        "results/experts/positive and results/experts/negative do not mix:"
        " tensor lm_head.weight has shape [384, 32] and [384, 64]",
        files=experts_of_ones_own(hidden_size=64),
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "experts of different families",
        MERGED,
        "results/experts/positive and results/experts/negative do not mix: tensor lm_head.weight is"
        " in results/experts/positive only",
        files=experts_of_ones_own("gpt2"),
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "a weight that is not finite",
        MERGED,
        "tensor model.norm.weight: the merge of 0.500 x results/experts/positive and"
        " 0.500 x results/experts/negative holds NaN or Inf",
        files=a_weight_that_is_not_finite,
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "a scorer whose labels stand in another order",
        SCORES,
        "results/models/sentiment: config.json: id2label is ['LABEL_0', 'LABEL_1'],"
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
        config={"experts": {"learning_rate": [1e30], "warmup": 0}},
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
