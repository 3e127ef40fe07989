"""The config as users see it: a short config.yaml, the schema's defaults, the page of all keys."""

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from conftest import DEFAULT, ROOT, SCHEMA, over_default
from mistakes import assert_refused
from paramlerp.config import layers, schema
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError

SCHEMAS = ROOT / "workflow" / "schemas"
WRITTEN = yaml.safe_load((ROOT / "config.yaml").read_text())


def properties(part, path: str = "") -> Iterator[tuple[str, dict]]:
    """Path and schema of every property, at every depth.

    Without those in conditions and those that are `true`, which only allows a key that the schema
    describes elsewhere.
    """
    if isinstance(part, list):
        for inner in part:
            yield from properties(inner, path)
    if isinstance(part, dict):
        for key, inner in part.items():
            if key == "properties":
                for name, value in inner.items():
                    if isinstance(value, dict):
                        yield f"{path}.{name}", value
            if key != "if":
                yield from properties(inner, f"{path}.{key}")


def test_config_yaml_is_short():
    assert len((ROOT / "config.yaml").read_text().splitlines()) <= 200


def test_every_property_of_the_schema_has_a_description():
    Draft202012Validator.check_schema(SCHEMA)
    described = dict(properties(SCHEMA))
    assert len(described) > 150
    missing = [
        p for p, part in described.items() if "description" not in schema.resolved(SCHEMA, part)
    ]
    assert missing == []


def test_the_page_of_all_keys_is_up_to_date():
    command = [sys.executable, str(SCHEMAS / "document.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    page = (ROOT / "config" / "README.md").read_text()
    assert run.stdout == page, page.splitlines()[0]
    keys = [path.split(".")[-1] for path, _ in properties(SCHEMA)]
    assert {key for key in keys if f"{key}`" not in page} == {"from", "to", "step"}
    assert "`{from, to, step}`" in page


def without_defaults(value, part: dict):
    """A config without the keys whose values are the schema's defaults."""
    part = schema.resolved(SCHEMA, part)
    if not isinstance(value, dict):
        return value
    inner, others = part.get("properties", {}), part.get("additionalProperties")
    left = {
        key: without_defaults(entry, inner.get(key, others))
        for key, entry in value.items()
        if isinstance(inner.get(key, others), dict)
    }
    left |= {key: entry for key, entry in value.items() if key not in left}
    return {
        key: entry
        for key, entry in left.items()
        if not (key in inner and "default" in inner[key] and entry in (inner[key]["default"], {}))
    }


def test_the_schema_s_defaults_give_the_same_config_as_written_values():
    """A config without any default value, within entries too, is completed to the same config."""
    short = without_defaults(DEFAULT, SCHEMA)
    for key in ("splitting", "classification", "statistics", "resources", "keep_merged"):
        assert key in DEFAULT and key not in short
    assert "over" in DEFAULT["sweeps"]["g1"] and "over" not in short["sweeps"]["g1"]
    assert schema.with_defaults(short, SCHEMA) == DEFAULT
    assert layers.complete(short, SCHEMA) == layers.complete(DEFAULT, SCHEMA)


def test_defaults_change_no_written_value():
    before = copy.deepcopy(WRITTEN)
    filled = schema.with_defaults(WRITTEN, SCHEMA)
    assert before == WRITTEN
    assert schema.beneath(filled, WRITTEN) == filled


def test_a_filled_config_shares_no_value_with_the_schema():
    filled = schema.with_defaults(WRITTEN, SCHEMA)
    filled["pretraining"]["betas"].append(1)
    filled["resources"]["merge"]["mem_mb"] = 1
    assert schema.with_defaults(WRITTEN, SCHEMA) == DEFAULT


def test_a_user_may_write_one_part_of_a_default():
    filled = over_default(
        {"resources": {"merge": {"gpu": 1}}, "splitting": {"parts": {"experts": 0.1}}}
    )
    assert filled["resources"]["merge"] == {**DEFAULT["resources"]["merge"], "gpu": 1}
    assert filled["splitting"]["parts"] == {**DEFAULT["splitting"]["parts"], "experts": 0.1}


def test_a_key_whose_absence_has_a_meaning_stays_absent():
    assert "finetuning" not in DEFAULT["checkpoints"]["positive"]
    assert "against" not in DEFAULT["sweeps"]["g1"] and "scorers" not in DEFAULT["sweeps"]["g1"]
    assert "title" not in DEFAULT["scorers"]["grammar"]
    entry = {**DEFAULT["checkpoints"]["positive"], "finetuning": {"steps": [9]}}
    filled = over_default({"checkpoints": {"positive": entry}})
    assert filled["checkpoints"]["positive"]["finetuning"] == {"steps": [9]}


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"savings": 1}, "(top level): unknown key savings; known: "),
        (
            {"statistics": {"bootstrap": 9}},
            "statistics: unknown key bootstrap; known: confidence, ",
        ),
        (
            {"splitting": {"parts": {"experts_": 1}}},
            "splitting.parts: unknown key experts_; known: ",
        ),
        ({"resources": {"fetch": {}}}, "resources: unknown key fetch; known: "),
        ({"resources": {"merge": {"disk": 1}}}, "resources.merge: unknown key disk; known: gpu, "),
        ({"sources": {"base": {"link": 1}}}, "sources.base: unknown key link; known: "),
        (
            {
                "checkpoints": {
                    "new": {
                        **DEFAULT["checkpoints"]["positive"],
                        "finetuning": {"keep_candidates": True},
                    }
                }
            },
            "checkpoints.new.finetuning: unknown key keep_candidates; known: batch_size, ",
        ),
        ({"sweeps": {"g1": {"points": {"alpha": {"by": 1}}}}}, "sweeps.g1.points.alpha: "),
        # null does not mean the default
        ({"statistics": None}, "statistics: None is not of type 'object'"),
        ({"splitting": {"parts": None}}, "splitting.parts: None is not of type 'object'"),
        ({"generation": {"max_rows": None}}, "generation.max_rows: None is not of type 'integer'"),
        ({"sweeps": {"g1": {"losses": None}}}, "sweeps.g1.losses: None is not of type 'array'"),
        ({"keep_merged": None}, "keep_merged: None is not of type 'boolean'"),
    ],
)
def test_an_unknown_key_or_null_is_refused_by_name(overrides, line):
    assert_refused(over_default(overrides), line)


STUDY = """
description: A study of one number.
type: object
additionalProperties: false
default: {}
properties:
  share: {description: A share., $ref: "#/$defs/fraction", default: 0.5}
  points: {description: Points., $ref: "#/$defs/numbers", default: [0, 1]}
"""


def test_a_study_adds_the_schema_of_its_section(tmp_path):
    files.write_text(tmp_path / "ridges" / "schema.yaml", STUDY)
    files.write_text(tmp_path / "notes" / "README.md", "No study.\n")
    studies = schema.studies(tmp_path)
    assert studies == [tmp_path / "ridges"] and schema.studies(tmp_path / "nowhere") == []
    with_study = schema.load(SCHEMAS, studies)
    completed = layers.complete(WRITTEN, with_study)
    assert completed["ridges"] == {"points": [0, 1], "share": 0.5}
    assert {k: v for k, v in completed.items() if k != "ridges"} == layers.complete(WRITTEN, SCHEMA)
    changed = layers.complete({**WRITTEN, "ridges": {"share": 0.25}}, with_study)
    assert changed["ridges"] == {"points": [0, 1], "share": 0.25}
    with pytest.raises(UserError, match=r"config: ridges: unknown key shore; known: points, share"):
        layers.complete({**WRITTEN, "ridges": {"shore": 1}}, with_study)
    with pytest.raises(UserError, match=r"config: ridges\.share: 2 is greater than the maximum"):
        layers.complete({**WRITTEN, "ridges": {"share": 2}}, with_study)


def test_a_study_cannot_have_the_name_of_a_section(tmp_path):
    files.write_text(tmp_path / "sweeps" / "schema.yaml", STUDY)
    with pytest.raises(UserError, match="section sweeps has a schema already"):
        schema.load(SCHEMAS, [tmp_path / "sweeps"])


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda file: file.stem
)
def test_every_config_in_the_config_folder_is_valid(file: Path):
    completed = layers.complete(over_default(yaml.safe_load(file.read_text())), SCHEMA)
    assert list(completed) == sorted(completed)


TWICE = """
seed: 1
sweeps:
  g1: {samples: 4}
  g2: {samples: 4, points: {alpha: [0],
    alpha: [1]}}
"""


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text(TWICE)
    with pytest.raises(UserError, match=r"twice\.yaml: sweeps\.g2\.points\.alpha: .* 5 and 6"):
        layers.require_unique_keys(file)
    file.write_text("a: &x {b: 1}\nc: {<<: *x, d: [{b: 1}, {b: 2}]}\n")
    layers.require_unique_keys(file)
    for name in ("config.yaml", *(f"config/{path.name}" for path in ROOT.glob("config/*.yaml"))):
        layers.require_unique_keys(ROOT / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"barrier_margin": float("nan")}, "barrier_margin: nan is not a finite number"),
        ({"finetuning": {"learning_rate": [float("inf")]}}, r"finetuning\.learning_rate\.0: inf"),
        ({"sweeps": {"g1": {"points": {"alpha": [0, -float("inf")]}}}}, r"alpha\.1: -inf is not"),
    ],
)
def test_a_number_that_is_not_finite_is_refused_anywhere(change, message):
    with pytest.raises(UserError, match=message):
        layers.complete(over_default(change), SCHEMA)


def test_a_pretraining_may_have_no_warmup():
    """A bound from above must not bring one from below."""
    config = copy.deepcopy(DEFAULT)
    config["pretraining"]["warmup_steps"] = 0
    schema.validate(config, SCHEMA)
