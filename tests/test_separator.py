"""The token between texts: found or named when a model is converted, and the EOS from then on."""

import copy
import json
import logging

import pytest

from checkpoints import convert
from conftest import save, tiny
from paramlerp.jobs.errors import UserError
from paramlerp.lm import decoding, models, tokenization

LOG = logging.getLogger("test")


@pytest.fixture
def instruct(tokenizer, tmp_path):
    """A model whose EOS ends a turn, as an instruct model's does; another token separates texts."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|endoftext|>", "<turn>"]})
    tokenizer.eos_token = "<turn>"
    tokenizer.chat_template = "{{ messages[0].content }}<turn>"
    model = tiny("llama", tokenizer, 0)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return save(model, tokenizer, tmp_path / "instruct")


def converted(source, folder, **options):
    convert.main(source, folder, LOG, **options)
    return models.load_causal_lm(folder)


def test_the_separator_of_the_pretraining_is_the_eos_and_both_end_texts(instruct, tmp_path):
    model, tokenizer = converted(instruct, tmp_path / "out")
    assert tokenizer.eos_token == "<|endoftext|>"
    assert model.config.eos_token_id == tokenizer.eos_token_id
    turn = tokenizer.convert_tokens_to_ids("<turn>")
    assert decoding.ModelLogits(model).ends == {tokenizer.eos_token_id, turn}
    ids = tokenization.encode(tokenizer, "the film", end=True)
    assert ids[0] == ids[-1] == tokenizer.eos_token_id


def test_a_token_of_that_name_that_is_not_special_is_no_separator(tokenizer, tmp_path):
    """Vocabularies made from GPT-2's may hold its separator, which their model never saw."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.add_tokens(["<|endoftext|>"])
    source = save(tiny("llama", tokenizer, 0), tokenizer, tmp_path / "in")
    _, converted_tokenizer = converted(source, tmp_path / "out")
    assert converted_tokenizer.eos_token == tokenizer.eos_token


def test_the_former_eos_ends_texts_even_if_the_generation_config_has_another(instruct, tmp_path):
    path = tmp_path / "instruct" / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": 5}))
    model, tokenizer = converted(instruct, tmp_path / "out")
    turn = tokenizer.convert_tokens_to_ids("<turn>")
    assert decoding.ModelLogits(model).ends == {5, turn, tokenizer.eos_token_id}


def test_what_is_made_of_the_model_has_its_separator_and_its_ends(instruct, tmp_path):
    model, tokenizer = converted(instruct, tmp_path / "out")
    models.save(models.load_causal_lm(tmp_path / "out", train=True)[0], tokenizer, tmp_path / "new")
    expert, expert_tokenizer = models.load_causal_lm(tmp_path / "new")
    assert expert_tokenizer.eos_token == "<|endoftext|>"
    assert expert_tokenizer.chat_template is None
    assert decoding.ModelLogits(expert).ends == decoding.ModelLogits(model).ends


def test_the_config_may_name_another_separator(instruct, tmp_path):
    _, tokenizer = converted(instruct, tmp_path / "out", separator="<turn>")
    assert tokenizer.eos_token == "<turn>"
    with pytest.raises(UserError, match=r"no token '<none>', the separator$"):
        convert.main(instruct, tmp_path / "other", LOG, separator="<none>")
    assert not (tmp_path / "other").exists()


def test_a_model_without_such_tokens_keeps_its_eos(trio, tokenizer, tmp_path):
    model, converted_tokenizer = converted(trio["base"], tmp_path / "out")
    assert converted_tokenizer.eos_token == tokenizer.eos_token
    assert decoding.ModelLogits(model).ends == {tokenizer.eos_token_id}
