"""Tiny models, a tokenizer and texts, made here: no test needs a network. One finished tiny run."""

import itertools
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Hundreds of processes start: without compiled modules each would compile the library again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import numpy as np
import pytest
import torch
import yaml
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from paramlerp.config import layers, schema, sweeps
from paramlerp.jobs import files
from runs import snakemake

torch.set_num_threads(1)

ROOT = Path(__file__).parent.parent
#: the schema of the config, without studies
SCHEMA = schema.load(ROOT / "workflow" / "schemas")
#: the default config with its defaults filled in
DEFAULT = schema.with_defaults(yaml.safe_load((ROOT / "config.yaml").read_text()), SCHEMA)
#: its schemes by name: g1, g2, g3, ensembles, lines between two models
SCHEMES = sweeps.all_schemes(DEFAULT)

SUBJECTS = ["the film", "this movie", "a story", "her new picture", "the script", "that comedy"]
VERBS = ["is", "feels", "looks", "seems"]
GOOD = ["wonderful", "moving and funny", "a joy to watch", "bright, warm and clever", "superb"]
BAD = ["dreadful", "dull and slow", "a waste of time", "loud, cold and stupid", "awful"]
ENDS = ["from start to end.", "in every scene.", "for all of us.", "to the very last minute."]


def sentences(words: list[str]) -> list[str]:
    """All sentences with these words about films."""
    return [" ".join(p) for p in itertools.product(SUBJECTS, VERBS, words, ENDS)]


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with an EOS token, as GPT-2 has."""
    raw = Tokenizer(BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=384, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(sentences(GOOD) + sentences(BAD), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<eos>")


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """`tiny_tokenizer`, trained once."""
    return tiny_tokenizer()


def tiny(kind: str, tokenizer, seed: int = 0, **changes):
    """A random causal LM. Its weights are spread out, so that its distributions are not flat."""
    torch.manual_seed(seed)
    common = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        sizes = {"n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 128}
        model = GPT2LMHeadModel(GPT2Config(**common, **sizes | changes))
    else:
        sizes = {
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "max_position_embeddings": 128,
        }
        model = LlamaForCausalLM(LlamaConfig(**common, **sizes | changes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3 if parameter.dim() > 1 else 1)
    return model.eval()


def save(model, tokenizer, directory: Path) -> Path:
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session", params=["gpt2", "llama"])
def kind(request) -> str:
    """Both families: their matrices are tied or not, transposed or not; positions differ, too."""
    return request.param


@pytest.fixture(scope="session")
def trio(kind, tokenizer, tmp_path_factory) -> dict[str, Path]:
    """base, positive and negative: three random models of one shape."""
    root = tmp_path_factory.mktemp(f"trio-{kind}")
    names = ("base", "positive", "negative")
    return {n: save(tiny(kind, tokenizer, i), tokenizer, root / n) for i, n in enumerate(names)}


#: the shape of encoders whose outputs no test compares
ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def tiny_encoder(tokenizer, directory: Path) -> Path:
    """A random BERT to fine-tune a classifier from."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=128, pad_token_id=0, **ENCODER
    )
    return save(BertForSequenceClassification(config), tokenizer, directory)


def tiny_tagger(directory: Path) -> Path:
    """An ONNX tagger whose logits come from a table: the word "edit" needs an edit, "good" none."""
    import onnx
    from tokenizers.models import WordLevel

    directory.mkdir(parents=True, exist_ok=True)
    words = Tokenizer(WordLevel({"[UNK]": 0, "edit": 1, "good": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(directory / "tokenizer.json"))
    (directory / "tag_vocab.json").write_text(json.dumps({"tags": ["$KEEP", "$DELETE"]}))
    table = np.log(np.array([[0.5, 0.5], [0.1, 0.9], [0.9, 0.1]], np.float32))
    ints = onnx.TensorProto.INT64
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "tagger",
        [
            onnx.helper.make_tensor_value_info(n, ints, ["b", "s"])
            for n in ("input_ids", "attention_mask")
        ],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["b", "s", 2])],
        [onnx.numpy_helper.from_array(table, "table")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, directory / "tagger.onnx")
    return directory


def make_inputs(folder: Path, tokenizer) -> None:
    """Write the inputs that tests/tiny.yaml names: models, reviews and newspaper sentences."""
    save(tiny("llama", tokenizer), tokenizer, folder / "base")
    tiny_encoder(tokenizer, folder / "encoder")
    tiny_tagger(folder / "tagger")
    rows = [{"text": t, "label": 1} for t in sentences(GOOD)]
    rows += [{"text": t, "label": 0} for t in sentences(BAD)]
    files.write_jsonl(folder / "reviews.jsonl", rows)
    ratings = {"0.1": 12, "1.5": 8, "-1.5": 8}
    lines = [
        f"{i}\t{rating}\tEditor {i} of {rating} says the film is here to stay."
        for rating, n in ratings.items()
        for i in range(n)
    ]
    (folder / "editorials.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def workflow_copy(tmp_path_factory) -> Path:
    """A copy of the workflow, whose code a test may edit."""
    root = tmp_path_factory.mktemp("code")
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, root / name)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


class FinishedRun(NamedTuple):
    """A run of tests/tiny.yaml that is done; `new_files` are those it wrote beside the code."""

    folder: Path
    stdout: str
    stderr: str
    new_files: set[Path]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, tokenizer, workflow_copy) -> FinishedRun:
    """The whole tiny DAG, run once for all tests.

    The tests on SLURM and on the real model run whole DAGs by the real command.
    """
    folder = tmp_path_factory.mktemp("run")
    make_inputs(folder / "inputs", tokenizer)

    def files_of_the_code() -> set[Path]:
        return {path for path in workflow_copy.rglob("*") if "__pycache__" not in path.parts}

    before = files_of_the_code()
    run = snakemake(folder, root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    return FinishedRun(folder, run.stdout, run.stderr, files_of_the_code() - before)


@pytest.fixture(scope="session")
def finished(finished_run) -> Path:
    """The folder of the finished run. Tests only read it."""
    return finished_run.folder


def laid_over(config: dict, change: dict) -> dict:
    """A config with a change laid over it, key by key, as Snakemake lays one file over another."""
    out = dict(config)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = laid_over(out[key], value) if both else value
    return out


def over_default(overrides: dict) -> dict:
    """The default config under a user's, as the workflow uses it but unchecked."""
    layered = layers.laid_over(laid_over(DEFAULT, overrides), overrides)
    return schema.with_defaults(layered, SCHEMA)
