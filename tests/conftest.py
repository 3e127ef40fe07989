"""Fixtures: tiny models, a tokenizer and texts, generated offline, and one finished tiny run."""

import itertools
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# The tests start hundreds of processes. Without .pyc files each would compile the library again.
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
#: config.yaml with the schema's defaults filled in
DEFAULT = schema.with_defaults(yaml.safe_load((ROOT / "config.yaml").read_text()), SCHEMA)
#: the default config's schemes by name: g1, g2, g3, ensembles, lines between two checkpoints
SCHEMES = sweeps.all_schemes(DEFAULT)

SUBJECTS = ["the film", "this movie", "a story", "her new picture", "the script", "that comedy"]
VERBS = ["is", "feels", "looks", "seems"]
GOOD = ["wonderful", "moving and funny", "a joy to watch", "bright, warm and clever", "superb"]
BAD = ["dreadful", "dull and slow", "a waste of time", "loud, cold and stupid", "awful"]
ENDS = ["from start to end.", "in every scene.", "for all of us.", "to the very last minute."]


def sentences(words: list[str]) -> list[str]:
    """All sentences about films that contain one of these phrases."""
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
    """A random causal LM. Its large weights keep the next-token distributions from being flat."""
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
    """Both architectures: tied or untied output matrix, transposed weights or not, and two kinds of
    position encoding."""
    return request.param


@pytest.fixture(scope="session")
def trio(kind, tokenizer, tmp_path_factory) -> dict[str, Path]:
    """base, positive and negative: three random checkpoints with tensors of equal shapes."""
    root = tmp_path_factory.mktemp(f"trio-{kind}")
    names = ("base", "positive", "negative")
    return {n: save(tiny(kind, tokenizer, i), tokenizer, root / n) for i, n in enumerate(names)}


#: sizes of the tiny encoders; no test compares their outputs with fixed numbers
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
    """An ONNX tagger with a table of logits: P(no edit) is 0.1 for "edit" and 0.9 for "good"."""
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
    # Articles of two sentences: 0_1, 0_2, 1_1...
    ratings = {"0.1": 24, "1.5": 16, "-1.5": 16}
    texts = [
        f"{rating}\tEditor {i} of {rating} says the film is here to stay."
        for rating, n in ratings.items()
        for i in range(n)
    ]
    lines = [f"{i // 2}_{i % 2 + 1}\t{text}" for i, text in enumerate(texts)]
    (folder / "editorials.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def workflow_copy(tmp_path_factory) -> Path:
    """A copy of the workflow. A test may edit its code."""
    root = tmp_path_factory.mktemp("code")
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, root / name)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


class FinishedRun(NamedTuple):
    """A finished run of tests/tiny.yaml. `new_files` are those it wrote into the code's folder."""

    folder: Path
    stdout: str
    stderr: str
    new_files: set[Path]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, tokenizer, workflow_copy) -> FinishedRun:
    """The complete tiny DAG, run once for all tests.

    The tests on SLURM and with the real model run complete DAGs by the `snakemake` command line.
    """
    folder = tmp_path_factory.mktemp("run")
    make_inputs(folder / "inputs", tokenizer)

    def code_files() -> set[Path]:
        return {path for path in workflow_copy.rglob("*") if "__pycache__" not in path.parts}

    before = code_files()
    run = snakemake(folder, root=workflow_copy)
    assert run.returncode == 0, run.stdout + run.stderr
    return FinishedRun(folder, run.stdout, run.stderr, code_files() - before)


@pytest.fixture(scope="session")
def finished(finished_run) -> Path:
    """The folder of the finished run. Tests only read it."""
    return finished_run.folder


#: a config updated with a change, key by key, as Snakemake merges several config files
laid_over = schema.beneath


def over_default(overrides: dict) -> dict:
    """The default config updated with a user's, defaults filled in, but not yet checked."""
    layered = layers.laid_over(laid_over(DEFAULT, overrides), overrides)
    return schema.with_defaults(layered, SCHEMA)
