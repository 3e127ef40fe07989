"""`snakemake export`: a point as a model of its own, with a card that tools and people can read."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from conftest import DEFAULT, laid_over, save, tiny
from dial import export
from mistakes import assert_refused, changed
from paramlerp.jobs import files
from paramlerp.jobs.errors import NotFiniteError
from paramlerp.weights import merging
from runs import snakemake
from tiny_dag import TINY

STATED = {"export": {"scheme": "g2", "point": {"alpha": 0.25}}}


@pytest.fixture(scope="module")
def exported(finished, workflow_copy, tmp_path_factory):
    """Export with a change of the config, in a copy of the finished run; the model's folder."""

    def run(change: dict) -> Path:
        folder = shutil.copytree(finished, tmp_path_factory.mktemp("export") / "run")
        config = folder / "changed.yaml"
        config.write_text(yaml.safe_dump(laid_over(TINY, change)))
        process = snakemake(folder, "export", configfile=config, root=workflow_copy)
        assert process.returncode == 0, process.stdout + process.stderr
        return folder / "results/export/model"

    return run


@pytest.fixture(scope="module")
def stated(exported) -> Path:
    return exported(STATED)


@pytest.fixture(scope="module")
def picked(exported) -> Path:
    return exported({"pick": {"level": None, "cost": 100}, "export": {"dtype": "bfloat16"}})


def test_the_weights_are_those_of_the_point(stated, finished):
    names = ("base", "positive", "negative")
    base, plus, minus = (
        load_file(finished / f"results/checkpoints/{name}/model.safetensors") for name in names
    )
    for name, value in load_file(stated / "model.safetensors").items():
        expected = base[name] + 0.25 * (plus[name].astype(np.float64) - minus[name])
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert json.loads((stated / "config.json").read_text())["dtype"] == "float32"


def test_plain_transformers_sample_as_the_measured_texts_were(picked):
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(picked),
        AutoTokenizer.from_pretrained(picked),
    )
    assert model.dtype == torch.bfloat16
    settings = model.generation_config
    assert (
        settings.do_sample
        and settings.top_p == DEFAULT["generation"]["top_p"]
        and settings.top_k == 0
    )
    ids = tokenizer(tokenizer.eos_token + "the film", return_tensors="pt")["input_ids"]
    torch.manual_seed(0)
    assert model.generate(ids).shape[1] <= ids.shape[1] + settings.max_new_tokens


def test_the_card_can_be_parsed_and_tells_how_it_was_made_and_measured(picked):
    card = ModelCard.load(picked / "README.md")
    assert card.data.library_name == "transformers" and "merge" in card.data.tags
    choice = json.loads((picked.parents[1] / "pick/choice.json").read_text())
    merge = json.loads((picked / "merge.json").read_text())
    assert merge["coefficients"] == choice["coefficients"] and set(merge["sources"]) == {
        "base",
        "positive",
        "negative",
    }
    alpha = choice["point"]["alpha"]
    assert f"# g2 at alpha={alpha}" in card.content and f"| **{alpha}** |" in card.content
    for part in ("PICKED: α = ", "AUC ", "## Texts", "## What it is not for", "licence: "):
        assert part in card.content, part


def test_the_card_of_a_point_that_was_not_measured_marks_none(stated):
    card = (stated / "README.md").read_text()
    assert "# g2 at alpha=0.250" in card and "**0.250**" not in card and "## Texts" not in card
    assert "PICKED" not in card


def test_a_chat_template_is_kept_only_if_asked_for(tmp_path):
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    files.write_json(tmp_path / "tokenizer_config.json", {"chat_template": "x", "eos_token": "y"})
    export.drop_chat_template(tmp_path)
    assert not (tmp_path / "chat_template.jinja").exists()
    assert files.read_json(tmp_path / "tokenizer_config.json") == {"eos_token": "y"}


def test_a_weight_that_is_too_large_for_the_dtype_is_an_error(tokenizer, tmp_path):
    model = tiny("llama", tokenizer)
    with torch.no_grad():
        model.model.norm.weight[0] = 1e6
    merger = merging.Merger({"a": save(model, tokenizer, tmp_path / "a")})
    (tmp_path / "out").mkdir()
    with pytest.raises(NotFiniteError, match=r"model\.norm\.weight: a weight is too large for F16"):
        merger.write({"a": merging.Decimal(1)}, tmp_path / "out", "F16")


def test_no_point_was_picked(tmp_path):
    files.write_json(tmp_path / "choice.json", {"scheme": "g2", "point": None})
    with pytest.raises(export.UserError, match="pick found no point; "):
        export.chosen(tmp_path / "choice.json")


def test_mistakes_of_export_are_one_line():
    def point(scheme, **values) -> dict:
        return changed("export", {"scheme": scheme, "point": values})

    assert_refused(point("g9", alpha=1), "export.scheme: no scheme is called 'g9'")
    assert_refused(point("ensemble", alpha=1), "export.scheme: ensemble mixes logits")
    assert_refused(point("g3", alpha=1), "export.point: g3 takes alpha, beta; got alpha")
    assert_refused(point("g2", alpha=0.0001), "export.point: 0.0001 has more than three decimals")
    assert_refused(changed("export.dtype", "int8"), "export.dtype: ")
