"""Merged weights on disk: exact ends, eq. 1 and 2, dtypes, shards, refusals and records."""

import errno
import json
import os
import shutil
import tracemalloc
from decimal import Decimal

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
)

from conftest import ENCODER, SCHEMES, save, tiny
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.weights import checkpoints, merging, records, schemes


def merged(trio, target, scheme, *point):
    """Merge a point of a default scheme from the checkpoints `trio` into the folder `target`."""
    s = SCHEMES[scheme]
    merging.write_merged(scheme, s.point_name(*point), s.coefficients(*point), trio, target)
    return target


def weights(directory):
    return load_file(directory / checkpoints.WEIGHTS)


def assert_same_bits(a, b):
    assert (a / checkpoints.WEIGHTS).read_bytes() == (b / checkpoints.WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("scheme", "point", "name"),
    [
        ("g1", ["1"], "positive"),
        ("g1", ["0"], "negative"),
        ("g2", ["0"], "base"),
        ("g3", ["0", "0"], "base"),
        ("g3", ["1", "0"], "positive"),
        ("g3", ["0", "1"], "negative"),
    ],
)
def test_a_point_on_a_checkpoint_has_its_exact_bytes(trio, tmp_path, scheme, point, name):
    assert_same_bits(merged(trio, tmp_path / "m", scheme, *point), trio[name])


def assert_sum(out, parts, coefficients):
    """Every element within 4 eps sum |c_i theta_i| of the sum in double precision.

    `out` is name -> merged tensor; `parts` is checkpoint -> its tensors.
    """
    for tensors in parts.values():
        assert out.keys() == tensors.keys()
    for name, value in out.items():
        terms = [float(c) * parts[n][name].astype(np.float64) for n, c in coefficients.items()]
        bound = 4 * np.finfo(np.float32).eps * sum(np.abs(t) for t in terms)
        assert value.dtype == np.float32
        assert (np.abs(value - sum(terms)) <= bound).all(), name


@pytest.mark.parametrize("alpha", ["-1", "0.3", "0.5", "0.7", "2"])
def test_elements_obey_eq_1(trio, tmp_path, alpha):
    out = weights(merged(trio, tmp_path / "m", "g1", alpha))
    parts = {n: weights(trio[n]) for n in ("positive", "negative")}
    assert_sum(out, parts, {"positive": alpha, "negative": 1 - Decimal(alpha)})


@pytest.mark.parametrize("alpha", ["-2", "0.3", "1", "2.6"])
def test_g1_and_g2_are_lines_in_g3(trio, tmp_path, alpha):
    other = str(1 - Decimal(alpha))
    a = weights(merged(trio, tmp_path / "g1", "g1", alpha))
    b = weights(merged(trio, tmp_path / "g3", "g3", alpha, other))
    assert all(np.array_equal(a[n], b[n]) for n in a)
    a = weights(merged(trio, tmp_path / "g2", "g2", alpha))
    b = weights(merged(trio, tmp_path / "g3b", "g3", alpha, str(-Decimal(alpha))))
    assert all(np.array_equal(a[n], b[n]) for n in a)


#: two coordinates, each between two experts
TWO_ATTRIBUTES = {
    "origin": {"base": 1},
    "alpha": {"positive": 1, "negative": -1},
    "beta": {"formal": 1, "casual": -1},
}


@pytest.mark.parametrize("point", [("0.3", "-0.7"), ("1", "1"), ("-1.5", "2"), ("0.5", "0")])
def test_two_coordinates_between_four_experts(kind, tokenizer, tmp_path, point):
    """theta0 + a (positive - negative) + b (formal - casual), with coefficients by hand."""
    names = ("base", "positive", "negative", "formal", "casual")
    five = {n: save(tiny(kind, tokenizer, i), tokenizer, tmp_path / n) for i, n in enumerate(names)}
    scheme = schemes.scheme("two_attributes", TWO_ATTRIBUTES, names)
    coefficients = scheme.coefficients(*point)
    point_name = scheme.point_name(*point)
    merging.write_merged("two_attributes", point_name, coefficients, five, tmp_path / "m")
    a, b = map(float, point)
    by_hand = {"base": 1.0, "positive": a, "negative": -a, "formal": b, "casual": -b}
    assert_sum(weights(tmp_path / "m"), {n: weights(five[n]) for n in names}, by_hand)
    note = json.loads((tmp_path / "m" / "merge.json").read_text())
    assert {n: float(c) for n, c in note["coefficients"].items()} == by_hand
    assert note["sources"].keys() == set(names)


def test_an_origin_in_the_middle_of_four_experts(kind, tokenizer, tmp_path):
    """No base model: the origin is a mean of the experts, and alpha moves from one to another."""
    names = ("a", "b", "c", "d")
    four = {n: save(tiny(kind, tokenizer, i), tokenizer, tmp_path / n) for i, n in enumerate(names)}
    spec = {"origin": dict.fromkeys(names, 0.25), "alpha": {"a": 0.25, "d": -0.25}}
    scheme = schemes.scheme("middle", spec, names)
    for alpha, a, d in (("0", 0.25, 0.25), ("1", 0.5, 0.0), ("-3", -0.5, 1.0)):
        target = tmp_path / alpha
        merging.write_merged("middle", alpha, scheme.coefficients(alpha), four, target)
        by_hand = {"a": a, "b": 0.25, "c": 0.25, "d": d}
        assert_sum(weights(target), {n: weights(four[n]) for n in names}, by_hand)


@pytest.mark.parametrize("alpha", ["-1", "0.25", "2"])
def test_g1_is_the_middle_plus_a_direction(trio, tmp_path, alpha):
    """Eq. 2: (theta+ + theta-)/2 + (2 alpha - 1)(theta+ - theta-)/2."""
    out = weights(merged(trio, tmp_path / "m", "g1", alpha))
    p, n = (weights(trio[x]) for x in ("positive", "negative"))
    for name, value in out.items():
        a, b = p[name].astype(np.float64), n[name].astype(np.float64)
        expected = (a + b) / 2 + (2 * float(alpha) - 1) * (a - b) / 2
        bound = 8 * np.finfo(np.float32).eps * (np.abs(a) + np.abs(b)) * (1 + abs(float(alpha)))
        assert (np.abs(value - expected) <= bound).all()


def test_a_checkpoint_that_differs_from_its_recorded_hashes_is_not_merged(trio, tmp_path):
    damaged = rewrite(trio["positive"], tmp_path / "damaged", lambda tensors: None)
    records.write(damaged)
    merged({**trio, "positive": damaged}, tmp_path / "sound", "g1", "0.5")
    with open(damaged / checkpoints.WEIGHTS, "r+b") as out:
        out.seek(-1, os.SEEK_END)
        out.write(b"\x01")
    with pytest.raises(
        UserError, match=r"model\.safetensors: damaged: .* delete .*damaged,"
    ) as error:
        merged({**trio, "positive": damaged}, tmp_path / "m", "g1", "0.5")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("*m"))
    with pytest.raises(UserError, match="damaged"):  # for a line whose points stay in memory
        merging.Merger({"positive": damaged, "negative": trio["negative"]})


def test_a_disk_that_fails_while_chunks_are_merged_fails_the_merge(trio, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(merging, "SYNC_BYTES", 1000)
    monkeypatch.setattr(merging.os, "fdatasync", full)
    with pytest.raises(OSError, match="no space left"):
        merged(trio, tmp_path / "m", "g1", "0.5")
    assert not (tmp_path / "m").exists()


def test_transformers_loads_a_merged_checkpoint(trio, tmp_path):
    target = merged(trio, tmp_path / "m", "g1", "0.5")
    model, report = AutoModelForCausalLM.from_pretrained(target, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(target)
    logits = model(**tokenizer("the film is", return_tensors="pt")).logits
    assert torch.isfinite(logits).all()
    assert (target / "generation_config.json").exists()


def test_a_merged_checkpoint_records_its_coefficients_and_sources(trio, tmp_path):
    target = merged(trio, tmp_path / "m", "g2", "-0.5")
    note = json.loads((target / "merge.json").read_text())
    assert (note["scheme"], note["point"]) == ("g2", "alpha=-0.500")
    assert {n: float(c) for n, c in note["coefficients"].items()} == {
        "base": 1,
        "positive": -0.5,
        "negative": 0.5,
    }
    assert note["sources"]["base"] == records.weight_hashes(trio["base"])
    assert str(tmp_path) not in (target / "merge.json").read_text()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_dtype_is_kept_and_the_sum_is_exact_to_its_rounding(tokenizer, tmp_path, dtype):
    pair = {
        n: save(tiny("llama", tokenizer, i).to(dtype), tokenizer, tmp_path / n)
        for i, n in enumerate(("positive", "negative"))
    }
    out = load_torch(merged(pair, tmp_path / "m", "g1", "0.3") / checkpoints.WEIGHTS)
    a, b = (load_torch(pair[n] / checkpoints.WEIGHTS) for n in pair)
    for name, value in out.items():
        assert value.dtype == dtype
        x, y = 0.3 * a[name].double(), 0.7 * b[name].double()
        bound = torch.finfo(dtype).eps * (x.abs() + y.abs())
        assert ((value.double() - (x + y)).abs() <= bound + torch.finfo(dtype).tiny).all(), name


def test_sharded_weights_and_tied_matrices_merge(tokenizer, tmp_path):
    """One checkpoint in shards, one in a single file. GPT-2's tied output matrix is not written."""
    names = ("positive", "negative")
    models = {n: tiny("gpt2", tokenizer, i) for i, n in enumerate(names)}
    pair = {n: save(m, tokenizer, tmp_path / n) for n, m in models.items()}
    sharded = tmp_path / "sharded"
    models["positive"].save_pretrained(sharded, max_shard_size="30KB")
    tokenizer.save_pretrained(sharded)
    assert len(checkpoints.weight_files(sharded)) > 2
    from_shards = merged({**pair, "positive": sharded}, tmp_path / "a", "g1", "0.3")
    from_files = merged(pair, tmp_path / "b", "g1", "0.3")
    a, b = (AutoModelForCausalLM.from_pretrained(d).state_dict() for d in (from_shards, from_files))
    assert all(torch.equal(a[n], b[n]) for n in b)
    assert "lm_head.weight" not in weights(from_files)


def rewrite(source, target, change):
    """A copy of a checkpoint whose tensors `change` edits in place."""
    shutil.copytree(source, target)
    tensors = load_torch(target / checkpoints.WEIGHTS)
    change(tensors)
    save_file(tensors, target / checkpoints.WEIGHTS, metadata={"format": "pt"})
    return target


def first_name(tensors):
    return sorted(n for n in tensors if tensors[n].dim() == 2)[0]


def test_integer_tensors_must_be_equal(trio, tmp_path):
    def add(value):
        return lambda tensors: tensors.update(steps=torch.tensor([value]))

    a = rewrite(trio["positive"], tmp_path / "a", add(7))
    same = rewrite(trio["negative"], tmp_path / "b", add(7))
    other = rewrite(trio["negative"], tmp_path / "c", add(8))
    target = merged({"positive": a, "negative": same}, tmp_path / "m", "g1", "0.5")
    assert weights(target)["steps"] == 7
    with pytest.raises(UserError, match=r"steps.*I64"):
        merged({"positive": a, "negative": other}, tmp_path / "n", "g1", "0.5")


def change_shape(tensors):
    tensors[first_name(tensors)] = tensors[first_name(tensors)][:-1].clone()


def change_dtype(tensors):
    tensors[first_name(tensors)] = tensors[first_name(tensors)].bfloat16()


def drop_tensor(tensors):
    del tensors[first_name(tensors)]


def insert_nan(tensors):
    tensors[first_name(tensors)][0, 0] = float("nan")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_shape, r"shape \[\d+, \d+\] and \[\d+, \d+\]"),
        (change_dtype, "dtype BF16 and F32|dtype F32 and BF16"),
        (drop_tensor, "only"),
        (insert_nan, "NaN or Inf"),
    ],
)
def test_a_refusal_names_the_tensor_and_both_checkpoints(trio, tmp_path, change, message):
    odd = rewrite(trio["positive"], tmp_path / "odd", change)
    name = first_name(load_torch(trio["positive"] / checkpoints.WEIGHTS))
    with pytest.raises(UserError, match=message) as error:
        merged({**trio, "positive": odd}, tmp_path / "m", "g1", "0.5")
    for part in (name, str(odd), str(trio["negative"])):
        assert part in str(error.value)
    assert not list(tmp_path.glob("*m*")), "no half-written file stays"


def test_checkpoints_with_different_configs_or_tokenizers_do_not_mix(trio, tmp_path):
    odd = shutil.copytree(trio["positive"], tmp_path / "config")
    config = json.loads((odd / "config.json").read_text())
    config["layer_norm_epsilon" if "n_embd" in config else "rms_norm_eps"] = 0.5
    (odd / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="eps"):
        merged({**trio, "positive": odd}, tmp_path / "m", "g1", "0.5")
    odd = shutil.copytree(trio["positive"], tmp_path / "tokenizer")
    content = json.loads((odd / "tokenizer.json").read_text())
    content["model"]["merges"] = content["model"]["merges"][:-1]
    (odd / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="tokenizers differ"):
        merged({**trio, "positive": odd}, tmp_path / "m", "g1", "0.5")


def test_missing_weights_and_truncated_weights_are_refused(trio, tmp_path):
    with pytest.raises(UserError, match=r"model\.safetensors"):
        checkpoints.Checkpoint(tmp_path)
    short = shutil.copytree(trio["base"], tmp_path / "short")
    content = (short / checkpoints.WEIGHTS).read_bytes()
    (short / checkpoints.WEIGHTS).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="cut short"):
        checkpoints.Checkpoint(short)


@pytest.mark.parametrize(
    ("shape", "offsets"), [([2, 3], [0, 16]), ([4, 1], [0, 12]), ([4], [-4, 12]), ([3], [4, 0])]
)
def test_a_header_whose_shape_does_not_fit_its_bytes_is_refused(tmp_path, shape, offsets):
    """numpy would read as many elements as there are bytes, and the merge would go on."""
    header = json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(16)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"w: -?\d+ bytes are no F32 tensor of the shape"):
        checkpoints.Checkpoint(tmp_path)


def test_private_memory_does_not_grow_with_the_model(tokenizer, tmp_path):
    """Of a tensor of 64 chunks, memory holds only the few chunks in work."""
    size, pair = 64 * merging.CHUNK, {}
    for i, name in enumerate(("positive", "negative")):
        folder = pair[name] = save(tiny("llama", tokenizer, i), tokenizer, tmp_path / name)
        tensors = {"big": torch.full((size,), float(i))}
        save_file(tensors, folder / checkpoints.WEIGHTS, metadata={"format": "pt"})
    tracemalloc.start()
    merged(pair, tmp_path / "m", "g1", "0.3")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # AHEAD chunks in the queue, one for each thread, scratch space, and 1 MiB for Python.
    assert peak < (merging.AHEAD + 4) * 4 * merging.CHUNK + 2**20


def encoder(tokenizer, directory, seed, labels=None):
    """A random BERT: a classifier with these labels, or without labels the body alone."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=128,
        pad_token_id=0,
        **ENCODER,
        **({"id2label": dict(enumerate(labels))} if labels else {}),
    )
    torch.manual_seed(seed)
    model = BertForSequenceClassification(config) if labels else BertModel(config)
    return save(model.eval(), tokenizer, directory)


def pair_of_encoders(tokenizer, folder, labels=None):
    names = ("positive", "negative")
    return {n: encoder(tokenizer, folder / n, i, labels) for i, n in enumerate(names)}


@pytest.mark.parametrize("alpha", ["0.3", "2"])
def test_classifiers_merge_by_the_same_kernel(tokenizer, tmp_path, alpha):
    """Head and body merge, and transformers loads a classifier with the same labels."""
    pair = pair_of_encoders(tokenizer, tmp_path, ["negative", "neutral", "positive"])
    target = merged(pair, tmp_path / "m", "g1", alpha)
    coefficients = {"positive": alpha, "negative": 1 - Decimal(alpha)}
    parts = {n: weights(pair[n]) for n in pair}
    assert_sum(weights(target), parts, coefficients)
    assert "classifier.weight" in parts["positive"]
    auto = AutoModelForSequenceClassification
    model, report = auto.from_pretrained(target, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert list(model.config.id2label.values()) == ["negative", "neutral", "positive"]
    tokens = AutoTokenizer.from_pretrained(target)("the film is", return_tensors="pt")
    tokens.pop("token_type_ids", None)
    assert model(**tokens).logits.shape == (1, 3)
    assert torch.isfinite(model(**tokens).logits).all()
    assert_same_bits(merged(pair, tmp_path / "end", "g1", "1"), pair["positive"])


def test_classifiers_with_their_labels_in_another_order_do_not_mix(tokenizer, tmp_path):
    """Else the merge would add the head's rows of two different labels."""
    pair = {
        "positive": encoder(tokenizer, tmp_path / "a", 0, ["negative", "positive"]),
        "negative": encoder(tokenizer, tmp_path / "b", 1, ["positive", "negative"]),
    }
    with pytest.raises(UserError, match="labels") as error:
        merged(pair, tmp_path / "m", "g1", "0.5")
    parts = ("['negative', 'positive']", "['positive', 'negative']", *map(str, pair.values()))
    assert all(part in str(error.value) for part in parts)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("*m*")), "no half-written file stays"


def test_encoders_without_a_head_merge(tokenizer, tmp_path):
    """As AutoModel saves them."""
    pair = pair_of_encoders(tokenizer, tmp_path)
    target = merged(pair, tmp_path / "m", "g1", "0.3")
    parts = {n: weights(pair[n]) for n in pair}
    assert_sum(weights(target), parts, {"positive": "0.3", "negative": "0.7"})
    model, report = AutoModel.from_pretrained(target, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokens = AutoTokenizer.from_pretrained(target)("the film is", return_tensors="pt")
    tokens.pop("token_type_ids", None)
    assert torch.isfinite(model(**tokens).last_hidden_state).all()


def test_an_encoder_without_a_head_and_a_classifier_do_not_mix(tokenizer, tmp_path):
    pair = {
        "positive": encoder(tokenizer, tmp_path / "a", 0, ["negative", "positive"]),
        "negative": encoder(tokenizer, tmp_path / "b", 1),
    }
    with pytest.raises(UserError, match="do not mix"):
        merged(pair, tmp_path / "m", "g1", "0.5")


LM = {"family": "causal_lm", "auto_class": "AutoModelForCausalLM", "evaluated_by": "loss"}
FAMILIES = {
    "gpt2": {**LM, "body": "transformer."},
    "llama": {**LM, "body": "model."},
    "classifier": {
        "family": "classifier",
        "auto_class": "AutoModelForSequenceClassification",
        "body": "bert.",
        "evaluated_by": "accuracy",
    },
    "body": {"family": "body", "auto_class": "AutoModel", "body": "", "evaluated_by": None},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_records_its_family_and_hashes(tokenizer, tmp_path, family):
    folder = tmp_path / "model"
    if family in ("gpt2", "llama"):
        save(tiny(family, tokenizer), tokenizer, folder)
    else:
        encoder(tokenizer, folder, 0, ["no", "yes"] if family == "classifier" else None)
    records.write(folder)
    note = json.loads((folder / records.FAMILY).read_text())
    assert note == FAMILIES[family]
    prefix, tensors = note["body"], checkpoints.Checkpoint(folder).tensors
    outside = {name for name in tensors if not name.startswith(prefix)}
    heads = {"gpt2": set(), "body": set(), "llama": {"lm_head.weight"}}
    heads["classifier"] = {"classifier.weight", "classifier.bias"}
    assert outside == heads[family], "all tensors outside the body are the head"
    # The recorded class loads every tensor.
    auto = getattr(transformers, note["auto_class"])
    _, report = auto.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert records.weight_hashes(folder) == {
        checkpoints.WEIGHTS: files.sha256(folder / checkpoints.WEIGHTS)
    }
