"""The paper's configuration over look-alikes of its models and data, in their own formats."""

import gzip
import json
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from conftest import BAD, ENCODER, GOOD, ROOT, over_default, save, sentences, tiny
from paramlerp.config import entries, sweeps
from paramlerp.data import readers, selections, splitting
from paramlerp.jobs import files
from runs import snakemake

PAPER = ROOT / "config" / "paper.yaml"
FOUND = yaml.safe_load(PAPER.read_text())
WHOLE = over_default(FOUND)


def roberta(folder: Path, tokenizer, labels: int) -> None:
    """A RoBERTa in the form of cardiffnlp's and textattack's on the hub: pickled weights, and the
    tokenizer in two old files."""
    folder.mkdir(parents=True)
    vocabulary = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    names = ["<s>", "<pad>", "</s>", "<unk>", *vocabulary["vocab"], "<mask>"]
    names = list(dict.fromkeys(names))
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    merges = [m if isinstance(m, str) else " ".join(m) for m in vocabulary["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    torch.manual_seed(labels)
    config = RobertaConfig(
        vocab_size=len(names),
        max_position_embeddings=514,
        type_vocab_size=1,
        num_labels=labels,
        architectures=["RobertaForSequenceClassification"],
        **ENCODER,
    )
    model = RobertaForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.out_proj.weight.normal_(0, 2)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    names = {str(i): f"LABEL_{i}" for i in range(labels)}
    (folder / "config.json").write_text(json.dumps(config.to_dict() | {"id2label": names}))


def gpt2(folder: Path, tokenizer, seed: int) -> None:
    """GPT-2 in its form on the hub: an old field in the config, names without "transformer."."""
    from safetensors.torch import load_file, save_file

    save(tiny("gpt2", tokenizer, seed), tokenizer, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_ctx": 128}))


def tree(text: str, label: int) -> str:
    """A sentence in the treebank's form."""
    leaves = [f"(2 {word})" for word in text.replace(".", " .").replace(",", " ,").split()]
    while len(leaves) > 1:
        leaves[-2:] = [f"(2 {leaves[-2]} {leaves[-1]})"]
    return f"({label}{leaves[0][2:]}"


def labelled() -> dict[str, list[tuple[str, int]]]:
    """Sentences with their labels, by the treebank's splits."""
    good, bad = sentences(GOOD), sentences(BAD)
    rows = [(t, 3 + i % 2) for i, t in enumerate(good)] + [(t, i % 2) for i, t in enumerate(bad)]
    rows += [(f"It is film number {i}.", 2) for i in range(30)]
    return {"train": rows[::2], "dev": rows[1::4], "test": rows[3::4]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    inputs = folder / "inputs"
    for seed, name in enumerate(("gpt2-large", "gpt2-xl", "distilgpt2")):
        gpt2(inputs / name, tokenizer, seed)
    roberta(inputs / "twitter-roberta", tokenizer, 3)
    roberta(inputs / "cola-roberta", tokenizer, 2)
    with zipfile.ZipFile(inputs / "trainDevTestTrees_PTB.zip", "w") as archive:
        for split, rows in labelled().items():
            lines = [tree(text, label) for text, label in rows]
            archive.writestr(f"trees/{split}.txt", "\n".join(lines) + "\n")
    with zipfile.ZipFile(inputs / "prompts.zip", "w") as archive:
        for kind, count in (("neutral", 4), ("positive", 3), ("negative", 3)):
            rows = [
                {"md5_hash": "0", "prompt": {"text": f"The {kind} one of"}, "num_positive": 13},
                *({"prompt": {"text": f"It is {kind} for {i}"}} for i in range(count)),
                {"prompt": {"text": f"The {kind} one of"}},  # their files repeat some
            ]
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            archive.writestr(f"prompts/sentiment_prompts-10k/{kind}_prompts.jsonl", lines)
        archive.writestr("prompts/nontoxic_prompts-10k.jsonl", "{}")
    (inputs / "c4").mkdir()
    texts = sentences(GOOD + BAD)
    for split, shards in (("train", 16), ("validation", 2)):
        for i in range(shards):
            rows = [{"text": t, "timestamp": "2019", "url": "x"} for t in texts[i::shards]]
            name = f"c4-{split}.{i:05d}-of-{shards:05d}.json.gz"
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (inputs / "c4" / name).write_bytes(gzip.compress(lines.encode()))
    overrides = (ROOT / "tests" / "paper.yaml").read_text()
    (folder / "own.yaml").write_text(overrides.replace("{inputs}", inputs.as_uri()))
    return folder


@pytest.fixture(scope="module")
def done(folder) -> Path:
    run = snakemake(folder, configfile=[PAPER, folder / "own.yaml"])
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


#: the file of two samples at the first point of g1
FILE = "alpha=0.000/samples=0-1"


def table(done: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(done / "results" / "tables" / f"{name}.csv", dtype={"alpha": str})


def test_it_is_planned_without_a_network(tmp_path, monkeypatch):
    """All of it, with hub models, trees and C4."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    run = snakemake(tmp_path, "-n", "--quiet", "rules", configfile=PAPER)
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    counts = dict(re.findall(r"^(\w+) +(\d+)$", output, re.M))
    for rule, count in {"fetch": 10, "candidate": 72, "merge": 53}.items():
        assert int(counts[rule]) == count, rule
    assert counts["generate_line"] == counts["line_losses"] == "23", "21 of the plane, 2 pairs"
    assert counts["pretrain"] == "1" and int(counts["total"]) > 820
    assert "vader" not in counts, "a second opinion that the paper does not have"


def test_every_block_says_whose_it_is_and_no_revision_is_made_up():
    text = PAPER.read_text()
    assert not re.search(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b", text)
    blocks = re.split(r"\n\n", text)
    for key in FOUND:
        (block,) = (b for b in blocks if re.search(rf"^{key}:", b, re.M))
        assert re.search(r"\(paper|[Pp]aper[,:.]|\(plot\)|\b[Oo]urs\b|not a measurement", block), (
            key
        )


def test_the_grids_are_the_paper_s():
    planned = sweeps.sweeps(WHOLE)
    assert list(planned["g3"].values) == ["alpha", "beta"]
    for axis in planned["g3"].values.values():
        assert len(axis) == 21 and axis[0] == "-4.000" and axis[11] == "0.400"
    alphas = {name: sweep.values["alpha"] for name, sweep in planned.items()}
    assert len(alphas["g1"]) == 21 and len(alphas["pairs"]) == 31
    shifted = {f"{float(alpha) - 0.5:.3f}" for alpha in alphas["g1"]}
    assert shifted <= set(alphas["g2"]), "figure 5's axes line up"
    assert set(alphas["ensemble"]) <= set(alphas["g2"])


def test_nothing_of_the_default_run_is_left_that_the_paper_does_not_have():
    """Every checkpoint, scheme, scorer and corpus of the merged config is in use."""
    planned = sweeps.sweeps(WHOLE)
    assert set(sweeps.checkpoints_in_use(WHOLE, planned)) == set(WHOLE["checkpoints"])
    schemes = {scheme.title for sweep in planned.values() for scheme in sweep.schemes}
    assert schemes == set(WHOLE["schemes"])
    assert {name for sweep in planned.values() for name in sweep.scorers} == set(WHOLE["scorers"])
    assert set(WHOLE["corpora"]) == {"c4"} and set(WHOLE["prompts"]) == set(FOUND["prompts"])
    assert planned["g1"].scorers == ["sentiment", "grammar", "perplexity"]
    assert planned["g1"].sample_ranges == ["0-24"], "all samples of a point in one file, as before"


def test_it_runs_to_the_last_figure(done):
    for number in range(3, 12):
        assert (done / f"results/figures/fig{number}.png").exists()
    assert set(table(done, "g1")["prompts"]) == {"neutral", "positive", "negative"}
    assert set(table(done, "table3")["n_prompts"]) == {5, 4}, "a prompt counts once"
    first = table(done, "table1").set_index("checkpoint")["steps"]
    assert first.to_dict() == {"positive": 4, "negative": 4, "distilgpt2_positive": 4}
    four = table(done, "table4").astype(str)
    assert "gpt_c4" in four.columns and four["gpt_c4"].str.contains("c4").any()


def test_three_classes_make_one_score(done):
    """Eq. 6: 0, 1/2 and 1 of negative, neutral and positive."""
    scores = pd.read_csv(done / f"results/scores/neutral/g1/sentiment/{FILE}.csv")
    rows = files.read_jsonl(done / f"results/generations/neutral/g1/{FILE}.jsonl")
    folder = done / "results/checkpoints/twitter_roberta"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for row, score, positive in zip(rows, scores["score"], scores["target"], strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(row["prompt"] + row["text"], return_tensors="pt")).logits
        classes = logits.softmax(-1)[0].tolist()
        assert score == pytest.approx(classes[1] / 2 + classes[2], abs=1e-5)
        assert positive == pytest.approx(classes[2], abs=1e-5)


def test_what_was_fetched_first_is_noted(done):
    record = json.loads((done / "results/revisions/sst.json").read_text())
    ((url, sha256),) = record.items()
    assert url.startswith("file://") and len(sha256) == 64


def test_the_treebank_from_the_hub_gives_the_same_corpus(done, tmp_path):
    """SST-5 as parquet with its label column, in place of the trees."""
    for split, name in (("train", "train"), ("dev", "validation"), ("test", "test")):
        frame = pd.DataFrame(labelled()[split], columns=["text", "label"])
        frame.to_parquet(tmp_path / f"{name}-00000-of-00001.parquet")
    rows = readers.read(tmp_path, {"reader": "table", "text": "text", "label": "label"})
    poles = WHOLE["attributes"]["sentiment"]["text"]
    subsets = splitting.split(
        selections.assign_poles(
            rows, {pole: entries.selection(choice) for pole, choice in poles.items()}
        ),
        poles=list(poles),
        parts=WHOLE["splitting"]["parts"],
        splits={},
        near_duplicate=WHOLE["splitting"]["near_duplicate"],
        seed=1,
    )
    for (part, pole, split), texts in subsets.items():
        written = files.read_jsonl(done / f"results/data/sentiment/{part}/{pole}/{split}.jsonl")
        assert {row["text"] for row in written} == {row.text for row in texts}


def test_labels_in_another_order_are_refused_before_anything_is_trained(folder, tmp_path):
    (tmp_path / "inputs").symlink_to(folder / "inputs")
    turned = {"scorers": {"sentiment": {"labels": ["LABEL_2", "LABEL_1", "LABEL_0"]}}}
    (tmp_path / "turned.yaml").write_text(yaml.safe_dump(turned))
    configs = [PAPER, folder / "own.yaml", tmp_path / "turned.yaml"]
    run = snakemake(tmp_path, "results/checkpoints/twitter_roberta", configfile=configs)
    assert run.returncode != 0
    error = "inputs/twitter-roberta: config.json: id2label is ['LABEL_0', 'LABEL_1', 'LABEL_2'],"
    assert f"error: {error} the config says ['LABEL_2', 'LABEL_1', 'LABEL_0']" in run.stderr
