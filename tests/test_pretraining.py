"""Pretraining: the same batches for any number of processes, exact resumption, refusals."""

import gzip
import json
import logging
import math
import os
import re
import shutil
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from checkpoints import pretrain
from conftest import BAD, GOOD, ROOT, laid_over, make_inputs, sentences, tiny
from data import baselines, corpus
from paramlerp.data import corpora, readers, splitting
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.prefetch import prefetch
from paramlerp.lm import models, tokenization
from paramlerp.training import initialisation, pretraining, states, throughput
from paramlerp.weights import families
from runs import snakemake, started, wait_for

EOS = 0
LOG = logging.getLogger("paramlerp")


def encode_bytes(texts: list[str]) -> list[list[int]]:
    """A tokenizer whose ids are bytes."""
    return [list(text.encode()) for text in texts]


def write_c4(folder: Path, count: int, documents: int) -> Path:
    """Write `documents` texts in C4's form: gzipped JSON lines in `count` files of the split train.

    The split validation is one file of two texts.
    """
    folder.mkdir(parents=True)
    names = [f"c4-train.{i:05d}-of-{count:05d}.json.gz" for i in range(count)]
    texts = [f"document {i}" for i in range(documents)]
    contents = [texts[i::count] for i in range(count)] + [["held out 1", "held out 2"]]
    names.append("c4-validation.00000-of-00001.json.gz")
    for name, content in zip(names, contents, strict=True):
        lines = [json.dumps({"text": t, "timestamp": "2019", "url": "x"}) for t in content]
        (folder / name).write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


@pytest.fixture(params=[2, 20], ids=["rows of two files", "twenty files"])
def documents(request, tmp_path) -> corpora.Documents:
    return corpora.Documents(write_c4(tmp_path / "c4", request.param, 400), "text")


def test_each_document_is_in_exactly_one_shard_and_no_shard_is_empty(documents):
    shards = [[text for _, text in documents.read(s)] for s in range(corpora.SHARDS)]
    texts = sorted(text for shard in shards for text in shard)
    assert texts == sorted(f"document {i}" for i in range(400))
    assert all(shards)


def test_reading_a_shard_resumes_at_a_position(documents):
    for shard in (0, 7):
        texts = list(documents.read(shard))
        for position, _ in texts[::5]:
            rest = [text for p, text in texts if p > position]
            assert [text for _, text in documents.read(shard, position)] == rest


def blocks(documents, rank=0, processes=1, state=None, seed=1):
    options = {"rank": rank, "processes": processes, "state": state}
    return corpora.Blocks(documents, encode_bytes, 10, EOS, seed, **options)


def test_an_epoch_has_every_document_once_each_followed_by_eos(documents, monkeypatch):
    monkeypatch.setattr(corpora, "WINDOW", 7)
    shard = corpora.Shard(documents, 3, encode_bytes, 10, EOS, 1, None)
    unshuffled = [text for _, text in documents.read(3)]
    ids = []
    while shard.epoch < 2:
        ids += shard.block()
    texts = bytes(ids).decode().split("\0")
    count = len(unshuffled)
    first, second = texts[:count], texts[count : 2 * count]
    assert sorted(first) == sorted(unshuffled) and sorted(second) == sorted(unshuffled)
    assert first != unshuffled and first != second, "every epoch has another order"


@pytest.mark.parametrize("processes", [2, 4, 16])
def test_batches_are_the_same_for_any_number_of_processes(documents, processes):
    by_one = blocks(documents).take(96)
    by_rank = [
        blocks(documents, rank, processes).take(96 // processes) for rank in range(processes)
    ]
    np.testing.assert_array_equal(np.stack(by_rank, 1).reshape(96, 10), by_one)
    assert (blocks(documents, seed=2).take(96) != by_one).any()


def test_blocks_resume_from_a_saved_state(documents, monkeypatch):
    """Across windows and epochs, after a round trip through JSON."""
    monkeypatch.setattr(corpora, "WINDOW", 5)
    source = blocks(documents, 1, 2)
    for _ in range(6):
        source.take(37)
        state = json.loads(json.dumps(source.state()))
        resumed = blocks(documents, 1, 2, state).take(200)
        np.testing.assert_array_equal(resumed, blocks(documents, 1, 2, state).take(200))
        np.testing.assert_array_equal(resumed[:37], source.take(37))
    assert max(shard.epoch for shard in source.shards.values()) > 0


def test_too_little_text_is_refused(tmp_path):
    few = corpora.Documents(write_c4(tmp_path / "few", 1, 9), "text")
    with pytest.raises(UserError, match="one of 16 shards has none"):
        blocks(few)
    with pytest.raises(UserError, match="3 processes do not divide"):
        blocks(few, 0, 3)
    with pytest.raises(UserError, match="no split 'test'"):
        corpora.Documents(tmp_path / "few", "text", split="test")


def test_an_unreachable_hub_is_an_error_of_one_line():
    """The error comes at once: offline there are no retries."""
    with pytest.raises(UserError, match=r"^nobody/nothing: ") as error:
        corpora.Documents("nobody/nothing", "text")
    assert "\n" not in str(error.value)


def test_prefetching_raises_the_errors_of_its_iterator():
    assert list(prefetch(iter(range(3)))) == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        list(prefetch(1 // x for x in (1, 0)))


def test_held_out_text_is_in_no_shard(tmp_path):
    rows = [{"text": t, "label": 1} for t in sentences(GOOD)]
    files.write_jsonl(tmp_path / "films.jsonl", rows + rows[:50])
    reading = {"reader": "table", "text": "text"}
    out = tmp_path / "train", tmp_path / "held_out.jsonl"
    corpus.main("films", [tmp_path / "films.jsonl"], [reading], [[]], 0.1, 1, *out, LOG)
    train = [t for p in sorted(out[0].iterdir()) for t in (r["text"] for r in files.read_jsonl(p))]
    held_out = [row["text"] for row in files.read_jsonl(out[1])]
    assert len(list(out[0].iterdir())) == corpora.SHARDS
    assert Counter(train + held_out) == Counter({row["text"] for row in rows})
    assert len(held_out) == round(0.1 * len(rows))


def write_articles(path: Path) -> tuple[dict, list[readers.Row]]:
    """Articles of one to four sentences in a table: how it is read, and its rows."""
    texts = sentences(GOOD) + sentences(BAD)
    rows = [{"text": t, "article": f"a{i % 31 * i // 40}"} for i, t in enumerate(texts)]
    files.write_jsonl(path, rows)
    reading = {"reader": "table", "text": "text", "document": "article"}
    return reading, readers.read(path, reading)


def test_held_out_text_is_whole_documents_from_the_end_of_the_split_s_order(tmp_path):
    reading, rows = write_articles(tmp_path / "articles.jsonl")
    path, out = tmp_path / "articles.jsonl", (tmp_path / "train", tmp_path / "held_out.jsonl")
    corpus.main("films", [path], [reading], [[]], 0.2, 1, *out, LOG)
    held_out = files.read_jsonl(out[1])
    documents_of = {row.text: f"films/1/{row.document}" for row in rows}
    assert all(row["document"] == documents_of[row["text"]] for row in held_out)
    train = [r["text"] for p in sorted(out[0].iterdir()) for r in files.read_jsonl(p)]
    assert {documents_of[t] for t in train}.isdisjoint(row["document"] for row in held_out)
    assert len(held_out) == pytest.approx(0.2 * len(rows), abs=10)
    # The experts have at most .75 of each pole's documents, from the front of the same order.
    poled = [replace(row, pole=("low", "high")[any(w in row.text for w in GOOD)]) for row in rows]
    parts = {"experts": 0.6, "classifier": 0.4, "language_model": 0}
    fractions = {"train": 0.8, "validation": 0.1, "test": 0.1}
    subsets = splitting.split(
        poled, poles=("low", "high"), parts=parts, splits=fractions, near_duplicate=1, seed=1
    )
    experts = {r.text for (part, _, _), own in subsets.items() if part == "experts" for r in own}
    assert experts.isdisjoint(row["text"] for row in held_out)


def test_a_corpus_of_few_documents_holds_out_the_last(tmp_path):
    rows = [{"text": f"{d} {i}", "article": d} for d in "ab" for i in range(30)]
    files.write_jsonl(tmp_path / "two.jsonl", rows)
    reading = {"reader": "table", "text": "text", "document": "article"}
    out = tmp_path / "train", tmp_path / "held_out.jsonl"
    corpus.main("films", [tmp_path / "two.jsonl"], [reading], [[]], 0.05, 1, *out, LOG)
    assert len(files.read_jsonl(out[1])) == 30


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_accumulation_steps_give_the_effective_batch(processes):
    """The paper's 1024 with 16 per device."""
    assert corpora.accumulation_steps(1024, 16, processes) * 16 * processes == 1024
    with pytest.raises(UserError, match="effective_batch: 1000 is no whole number of"):
        corpora.accumulation_steps(1000, 16, processes)


def test_the_losses_of_guesses_by_hand():
    """Four tokens, of which EOS (0) ends the two texts of the corpus: 0 twice, 1 thrice, 2 once.

    With one more of each, their shares are 3, 4, 2 and 1 in ten. The first id of a block is never
    predicted, and the last held-out ids fill no block.
    """
    ids = {"a": [1, 2], "b": [1, 1], "c": [3, 1, 0], "d": [2, 3, 1]}
    row = baselines.main(
        ["a", "b"], ["c", "d"], lambda texts: [ids[t] for t in texts], vocabulary=4, block=3, eos=0
    )
    assert row["uniform_loss"] == pytest.approx(math.log(4)) and row["n_tokens"] == 4
    # The held-out ids are 3 1 0, 0 2 3, 1 0: predicted are 1, 0, 2 and 3.
    mean = -sum(map(math.log, (0.4, 0.3, 0.2, 0.1))) / 4
    assert row["unigram_loss"] == pytest.approx(mean)


def test_weight_decay_applies_to_matrices_alone(tokenizer):
    model = tiny("gpt2", tokenizer)
    optimizer = pretraining.new_optimizer(
        model, {"learning_rate": 1, "weight_decay": 0.1, "betas": [0.9, 0.95], "epsilon": 1e-8}
    )
    decayed, free = optimizer.param_groups
    assert decayed["weight_decay"] == 0.1 and free["weight_decay"] == 0
    assert {p.dim() for p in decayed["params"]} == {2} and {p.dim() for p in free["params"]} == {1}
    assert len(decayed["params"]) + len(free["params"]) == len(list(model.parameters()))


def test_flops_per_token_of_distilgpt2():
    """By hand: 6 layers of 12 x 768^2 and the head; attention 12 x 6 x 768 x 1024."""
    shape = {"n_layer": 6, "n_head": 12, "n_embd": 768, "n_positions": 1024}
    with torch.device("meta"):
        model = tiny("gpt2", range(50257), **shape)
    matrices = 6 * 12 * 768**2 + 50257 * 768
    expected = 6 * matrices + 12 * 6 * 768 * 1024
    assert throughput.flops_per_token(model, 1024) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ({"model_type": "gpt9"}, "model_type: 'gpt9' is not known"),
        ({"model_type": "gpt2", "n_layers": 4}, "architecture.n_layers: gpt2 has no such key"),
        ({"model_type": "gpt2", "vocab_size": 9}, "vocab_size: the tokenizer sets it"),
        ({"model_type": "gpt2", "n_head": 5}, "architecture: ValueError: "),
        ({"model_type": "bert"}, "architecture"),
    ],
)
def test_an_invalid_architecture_is_refused(tokenizer, architecture, reason):
    with pytest.raises(UserError, match=reason):
        initialisation.new_model({**architecture, "n_embd": None}, tokenizer, 1)


def test_null_removes_a_key_of_the_default_architecture(tokenizer):
    """A config laid over another cannot delete keys, so null removes those of GPT-2."""
    architecture = {
        "model_type": "llama",
        "n_layer": None,
        "hidden_size": 32,
        "intermediate_size": 64,
    }
    architecture |= {"num_hidden_layers": 1, "num_attention_heads": 2}
    assert initialisation.new_model(architecture, tokenizer, 1).config.hidden_size == 32


ARCHITECTURE = {
    "model_type": "gpt2",
    "n_layer": 2,
    "n_head": 2,
    "n_embd": 32,
    "n_positions": 64,
    "embd_pdrop": 0,
    "attn_pdrop": 0,
    "resid_pdrop": 0,
}
SETTINGS = {
    "learning_rate": 1e-2,
    "weight_decay": 0.01,
    "betas": [0.9, 0.95],
    "epsilon": 1e-8,
    "warmup_steps": 5,
    "steps": 50,
    "effective_batch": 16,
    "device_batch": 4,
    "compile": True,
    "block": 32,
    "clip": 1.0,
    "evaluate_every": 25,
    "validation_texts": 40,
    "processes": 1,
}


@pytest.fixture(scope="module")
def text(tmp_path_factory, tokenizer) -> Path:
    """A folder with a corpus and a tokenizer, as the earlier rules write them."""
    folder = tmp_path_factory.mktemp("text")
    films = [{"text": t} for t in sentences(GOOD) + sentences(BAD)]
    files.write_jsonl(folder / "films.jsonl", films)
    reading = {"reader": "table", "text": "text"}
    out = folder / "train", folder / "held_out.jsonl"
    corpus.main("films", [folder / "films.jsonl"], [reading], [[]], 0.1, 1, *out, LOG)
    tokenizer.save_pretrained(folder / "tokenizer")
    return folder


def inputs_of_pretrain(text: Path, out: Path, **changes) -> dict:
    """The argument of `pretrain.launch`, as the rule gives it; `changes` are of the settings."""
    names = ("model", "losses.csv", "speed.csv", "samples.jsonl", "used.json")
    return {
        "text": {"where": str(text / "train"), "column": "text"},
        "held_out": str(text / "held_out.jsonl"),
        "tokenizer": str(text / "tokenizer"),
        "architecture": ARCHITECTURE,
        "settings": SETTINGS | changes,
        "seed": 1,
        "order": 2,
        "initialisation": 3,
        "prompt": "the film",
        "threads": 1,
        "device": "cpu",
        "gpus": 0,
        "states": str(out / "states"),
        "every": 1000,
        "keep": 1,
        "out": {Path(name).stem: str(out / name) for name in names},
    }


SCRIPT = str(ROOT / "workflow" / "scripts" / "checkpoints" / "pretrain.py")


def test_two_processes_have_the_losses_of_one(text, tmp_path):
    """Over 50 steps, in which the loss falls by more than a nat."""
    curves = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        out.mkdir()
        pretrain.launch(SCRIPT, inputs_of_pretrain(text, out, processes=processes), out, LOG)
        curves.append(pd.read_csv(out / "losses.csv"))
        used = json.loads((out / "used.json").read_text())
        assert used["processes"] == processes and used["accumulation"] == 4 // processes
        assert used["tokens"] == 50 * 16 * 32 and used["precision"] == "fp32"
    one, two = curves
    assert one["loss"].iloc[0] - one["loss"].iloc[-1] > 1
    np.testing.assert_allclose(one["loss"], two["loss"], atol=1e-3)
    assert one["validation_loss"].dropna().index.tolist() == [24, 49]
    speed = pd.read_csv(tmp_path / "2" / "speed.csv")
    assert len(speed) == 50 and speed["tokens_per_second"].gt(0).all()
    assert speed["utilisation"].gt(0).all()
    samples = files.read_jsonl(tmp_path / "1" / "samples.jsonl")
    assert [s["step"] for s in samples] == [25] * 3 + [50] * 3 and all(s["text"] for s in samples)
    rates = one["learning_rate"] / SETTINGS["learning_rate"]
    assert rates[0] == 0 and rates[5] == 1, "a linear warm-up"
    assert rates[27] == pytest.approx(0.5 + 0.5 * math.cos(math.pi * 22 / 45)), "then a cosine"


def test_two_processes_resume_from_their_state(text, tmp_path):
    """Each process reads the text from a position of its own."""

    def run(name: str) -> np.ndarray:
        work = inputs_of_pretrain(text, tmp_path / name, processes=2, steps=12, evaluate_every=6)
        (tmp_path / name).mkdir(exist_ok=True)
        pretrain.launch(SCRIPT, work | {"every": 0, "keep": 20}, tmp_path / name, LOG)
        return pd.read_csv(tmp_path / name / "losses.csv")["loss"].to_numpy()

    losses = run("undisturbed")
    saved = sorted((tmp_path / "undisturbed" / "states").iterdir())
    assert len(saved) == 11
    shutil.copytree(saved[4], tmp_path / "resumed" / "states" / saved[4].name)
    np.testing.assert_allclose(run("resumed"), losses, atol=1e-6)
    states_of_resumed = list((tmp_path / "resumed" / "states").iterdir())
    assert len(states_of_resumed) == 7, "it resumed from the copied state"


def test_missing_gpus_are_an_error(text, tmp_path):
    """A cluster's node without a GPU driver must not train for weeks on its CPU."""
    with pytest.raises(UserError, match="gpu: 8, but PyTorch finds no GPU here"):
        pretrain.launch(SCRIPT, inputs_of_pretrain(text, tmp_path) | {"gpus": 8}, tmp_path, LOG)


def test_fewer_processes_than_asked_for_are_an_error(text, tmp_path, monkeypatch):
    """With --cpu Accelerate starts one process without a warning, so the launch counts them."""
    popen = pretrain.subprocess.Popen
    monkeypatch.setattr(
        pretrain.subprocess,
        "Popen",
        lambda command, **options: popen(
            [c if c != "2" else "1" for c in command if c != "--multi_gpu"], **options
        ),
    )
    with pytest.raises(UserError, match=r"^2 processes were asked for, and 1 came up$"):
        pretrain.launch(SCRIPT, inputs_of_pretrain(text, tmp_path, processes=2), tmp_path, LOG)


def test_an_error_in_a_process_is_one_line(text, tmp_path):
    with pytest.raises(UserError, match=r"^step \d: the loss is (nan|inf); lower the learning"):
        diverging = inputs_of_pretrain(text, tmp_path, learning_rate=1e30, warmup_steps=0)
        pretrain.launch(SCRIPT, diverging, tmp_path, LOG)
    with pytest.raises(UserError, match="block: 65, but the model has 64 positions"):
        pretrain.launch(SCRIPT, inputs_of_pretrain(text, tmp_path, block=65), tmp_path, LOG)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer) -> Path:
    """A folder with inputs and the config of a pretraining that is long enough to be killed."""
    folder = tmp_path_factory.mktemp("killed")
    make_inputs(folder / "inputs", tokenizer)
    tiny_config = (ROOT / "tests/tiny.yaml").read_text().replace("  steps: 6\n", "  steps: 90\n")
    assert "steps: 90" in tiny_config
    dropout = tiny_config.replace("n_embd: 32}", "n_embd: 32, resid_pdrop: 0.1}")
    (folder / "long.yaml").write_text(dropout + "\nsave_minutes: 0\n")
    return folder


TARGET = "results/checkpoints/films_1"


def run_to_the_end(folder: Path) -> dict[str, bytes]:
    run = snakemake(folder, TARGET, configfile=folder / "long.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    out = {p.name: p.read_bytes() for p in sorted((folder / TARGET).iterdir())}
    ends = ("losses.csv", "samples.jsonl", "settings.json")
    return out | {end: (folder / f"{TARGET}.{end}").read_bytes() for end in ends}


def log(folder: Path) -> str:
    return (folder / "results/logs/pretrain/films_1.log").read_text()


def kill_in_the_middle(folder: Path) -> list[Path]:
    """Run it again, kill all processes after some training state; return the states on disk."""
    unfinished = folder / "results" / "unfinished"
    with started(folder, TARGET, "--forcerun", "pretrain", configfile=folder / "long.yaml") as run:
        wait_for(lambda: list(unfinished.glob("pretrain-*/*/step=*[3-9]0")), run, "a state")
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    return sorted(unfinished.glob("pretrain-*/*/step=*"))


@pytest.fixture(scope="module")
def undisturbed(folder) -> dict[str, bytes]:
    """The result files of a pretraining that was not killed."""
    contents = run_to_the_end(folder)
    assert "resuming" not in log(folder)
    return contents


def test_a_killed_pretraining_ends_in_the_same_bytes(folder, undisturbed):
    """Weights, losses and samples are the same, with dropout."""
    kill_in_the_middle(folder)
    assert run_to_the_end(folder) == undisturbed
    assert "resuming from step" in log(folder)


def test_after_an_unreadable_state_pretraining_resumes_from_the_one_before(folder, undisturbed):
    saved = kill_in_the_middle(folder)
    assert len(saved) >= 2, "two are kept"
    with open(saved[-1] / "tensors.safetensors", "r+b") as file:
        file.truncate(2000)
    assert run_to_the_end(folder) == undisturbed
    assert f"{saved[-1].name} cannot be read and is skipped" in log(folder)
    assert f"resuming from step {int(saved[-2].name[5:])} of 90" in log(folder)


def test_an_unreadable_state_is_deleted_at_the_next_save(tmp_path):
    """Otherwise each new state, of an earlier step, would be deleted as the oldest."""
    training_states = states.TrainingStates(tmp_path, every=0, keep=1)
    training_states.save(40, {"x": torch.zeros(3)}, {})
    with open(tmp_path / "step=00000040" / "tensors.safetensors", "r+b") as file:
        file.truncate(9)
    assert training_states.newest() is None
    training_states.save(31, {"x": torch.ones(3)}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["step=00000031"]
    assert training_states.newest()[1]["step"] == 31


def test_two_initialisations_share_the_tokenizer_and_differ_in_their_weights(folder, undisturbed):
    run = snakemake(folder, "results/checkpoints/films_2", "--until", "corpus", "train_tokenizer")
    assert run.returncode == 0, run.stdout + run.stderr
    tokenizer = tokenization.load_tokenizer(folder / "results" / "tokenizer")
    a, b = (initialisation.new_model(ARCHITECTURE, tokenizer, seed) for seed in (1, 2))
    assert tokenizer.eos_token == "<|endoftext|>" and len(tokenizer) == 300
    assert not torch.equal(a.transformer.wte.weight, b.transformer.wte.weight)
    assert families.family(folder / TARGET).name == "causal_lm"


def test_pretraining_on_a_stream_in_the_form_of_c4(tmp_path, tokenizer):
    """No copy of the corpus; a model's own tokenizer; the loss on C4's validation split."""
    folder = tmp_path
    make_inputs(folder / "inputs", tokenizer)
    write_c4(folder / "inputs" / "c4", 20, 400)
    config = folder / "stream.yaml"
    change = {
        "sources": {"c4": {"kind": "path", "path": "inputs/c4", "reader": "table", "text": "text"}},
        "corpora": {"films": {"kind": "stream", "source": "c4"}},
        "pretraining": {"tokenizer": {"kind": "model", "model": "base"}, "block": 8},
    }
    tiny_config = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    config.write_text(yaml.safe_dump(laid_over(tiny_config, change)))
    run = snakemake(folder, "results/checkpoints/films_2", configfile=config)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (folder / "results/corpora/films/train").exists()
    losses = pd.read_csv(folder / "results/checkpoints/films_2.losses.csv")
    assert losses["loss"].notna().all() and losses["validation_loss"].iloc[-1] > 0
    model, saved_tokenizer = models.load_causal_lm(folder / "results/checkpoints/films_2")
    size = len(tokenization.load_tokenizer(folder / "inputs/base"))
    assert model.config.vocab_size == len(saved_tokenizer) == size


def test_a_dry_run_on_eight_gpus_shows_their_resources(folder):
    """The paper's setting: 1024 blocks of 1024 tokens a step."""
    resources = {"pretrain": {"gpu": 8, "mem_mb": 48000}}
    settings = {"processes": 8, "effective_batch": 1024, "device_batch": 16, "block": 1024}
    config = folder / "eight.yaml"
    tiny_config = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    change = {"pretraining": settings, "resources": resources}
    config.write_text(yaml.safe_dump(laid_over(tiny_config, change)))
    run = snakemake(folder, TARGET, "-n", "--quiet", "host", "--cores", "64", configfile=config)
    assert run.returncode == 0, run.stdout + run.stderr
    (job,) = re.findall(r"^rule pretrain:\n(?: .*\n)+", run.stdout + run.stderr, re.M)
    assert "threads: 32\n" in job and "gpu=8" in job and "mem_mb=48000" in job
    settings["device_batch"] = 100
    config.write_text(yaml.safe_dump(laid_over(tiny_config, change)))
    run = snakemake(folder, TARGET, "--dry-run", configfile=config)
    refusal = "effective_batch: 1024 is no whole number of 8 processes x device_batch 100"
    assert run.returncode != 0 and refusal in run.stdout + run.stderr
