"""A model is loaded with all tensors of its directory, or refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from conftest import ENCODER, save, tiny
from paramlerp.jobs.errors import UserError
from paramlerp.lm import models
from paramlerp.weights.checkpoints import WEIGHTS

LAYERS = {"gpt2": "n_layer", "llama": "num_hidden_layers"}


def set_layers(directory, layers: int, key: str = "num_hidden_layers") -> None:
    """Change the number of layers in config.json and leave the weights."""
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: layers}))


def add_tensors(directory, *names: str) -> None:
    """Add tensors to a directory's weights."""
    tensors = load_file(directory / WEIGHTS) | {name: torch.ones(1) for name in names}
    save_file(tensors, directory / WEIGHTS, metadata={"format": "pt"})


@pytest.fixture
def small(tokenizer) -> dict:
    """The config of a small encoder of two layers."""
    sizes = ENCODER | {"num_hidden_layers": 2}
    return {"vocab_size": len(tokenizer), "max_position_embeddings": 128, **sizes}


@pytest.mark.parametrize("train", [False, True])
def test_weights_of_more_layers_than_the_config_are_refused(kind, tokenizer, tmp_path, train):
    """transformers would drop the others without a word."""
    save(tiny(kind, tokenizer), tokenizer, tmp_path)
    models.load_causal_lm(tmp_path, train=train)
    set_layers(tmp_path, 1, LAYERS[kind])
    match = r"not a whole \w+: its config\.json has no place for \S+\.1\.\S+ \(\d+ tensors in all\)"
    with pytest.raises(UserError, match=match) as error:
        models.load_causal_lm(tmp_path, train=train)
    assert str(error.value).startswith(f"{tmp_path}: ")


def test_masks_and_frequencies_of_older_versions_are_no_mistake(kind, tokenizer, tmp_path):
    save(tiny(kind, tokenizer), tokenizer, tmp_path)
    buffers = {
        "gpt2": ["transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"],
        "llama": ["model.layers.0.self_attn.rotary_emb.inv_freq"],
    }
    add_tensors(tmp_path, *buffers[kind])
    models.load_causal_lm(tmp_path)


@pytest.mark.parametrize("auto", [BertModel, BertForMaskedLM, BertForSequenceClassification])
def test_a_new_head_leaves_the_encoders_own_unread(small, tokenizer, tmp_path, auto):
    """But all of its layers are read, and there are no others."""
    save(auto(BertConfig(**small)), tokenizer, tmp_path)
    models.new_classifier(tmp_path, ["bad", "good"])
    for layers, lack in ((1, "has no place for"), (3, "it lacks")):
        set_layers(tmp_path, layers)
        with pytest.raises(UserError, match=rf"{lack} \S*encoder\.layer\.{min(layers, 2)}\."):
            models.new_classifier(tmp_path, ["bad", "good"])


def test_a_pooler_that_a_classifier_does_not_read_is_no_mistake(small, tokenizer, tmp_path):
    """As in RoBERTa's on the hub."""
    save(RobertaForSequenceClassification(RobertaConfig(**small)), tokenizer, tmp_path)
    add_tensors(tmp_path, "roberta.pooler.dense.weight")
    models.load_classifier(tmp_path)
    add_tensors(tmp_path, "lm_head.bias")
    with pytest.raises(UserError, match=r"no place for lm_head\.bias \(1 tensors in all\)"):
        models.load_classifier(tmp_path)
