"""The frame: config, files, code closures and environments agree with each other."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from paramlerp import closure, config, files, tagging
from paramlerp.errors import UserError

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
SCRIPTS = ROOT / "workflow" / "scripts"
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def test_every_key_has_a_comment_above():
    """But for the keys of a source, scorer or sweep, of which their section's comment tells,
    and for names, of rules and of models, that are keys themselves."""
    lines = (ROOT / "config.yaml").read_text().splitlines()
    section = ""
    for number, line in enumerate(lines):
        key = re.match(r"( *)([a-z0-9_]+):", line)
        if key and not key[1]:
            section = key[2]
        if not key or lines[number - 1].lstrip().startswith("#"):
            continue
        start = lines.index(f"{section}:")
        while lines[start - 1].startswith("#"):
            start -= 1
        told = "\n".join(lines[start : lines.index(f"{section}:")])
        rule = section == "resources" and key[2] in rules()
        if rule or key[2].startswith(("films_", "papers_")):
            continue
        inner = section in ("sources", "scorers", "sweeps") and len(key[1]) == 4
        assert inner and re.search(rf"\b{key[2]}\b", told), f"line {number + 1}: {key[2]}"


def test_overriding_a_source_leaves_nothing_of_another():
    base = {**DEFAULT["sources"]["base"], "kind": "hub", "id": "gpt2"}
    assert config.location(base) == {"kind": "hub", "id": "gpt2", "revision": None}
    reviews = {**DEFAULT["sources"]["reviews"], "reader": "trees", "positive": [4], "negative": [0]}
    assert config.reading(reviews) == {"reader": "trees", "positive": [4], "negative": [0]}


def test_alphas_as_a_range_or_a_list():
    expected = ["-0.500", "-0.250", "0.000", "0.250", "0.500"]
    assert config.alphas({"from": -0.5, "to": 0.5, "step": 0.25}) == expected
    assert config.alphas([0.5, -0.25, "-0.5", 0.25, -0.0]) == expected
    assert len(config.alphas({"from": -4, "to": 4, "step": 0.4})) == 21


def test_the_grid_has_a_name_for_each_setting():
    grid = {"learning_rate": [1e-6, 5.0e-5], "batch_size": [32], "steps": [250, 500]}
    names = list(config.settings(grid))
    assert names == [f"lr={lr}_batch=32_steps={s}" for lr in ("1e-06", "5e-05") for s in (250, 500)]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    target = tmp_path / "file.txt"
    files.write_text(target, "old")
    with pytest.raises(KeyError), files.writing(target) as beside:
        beside.write_text("half")
        raise KeyError
    assert target.read_text() == "old"
    with pytest.raises(KeyError), files.writing(tmp_path / "folder") as beside:
        beside.mkdir()
        (beside / "half").write_text("half")
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_rows_are_the_bytes_of_a_frame_of_them(tmp_path):
    rows = [
        {"a": 1, "b": 0.1 + 0.2, "c": 'she said "so", twice', "d": None, "e": True},
        {"a": -2, "b": float("nan"), "c": "\n ü", "d": 1e-20, "e": False},
        {"a": 3, "b": float("-inf"), "c": "", "d": np.float64(1234567890123), "e": True},
    ]
    files.write_rows(tmp_path / "rows.csv", rows)
    files.write_csv(tmp_path / "frame.csv", pd.DataFrame(rows))
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "frame.csv").read_bytes()
    files.write_rows(tmp_path / "rows.csv", [], ["a", "b"])
    assert (tmp_path / "rows.csv").read_text() == "a,b\n"


LOADED = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
loaded = {}
for script in sys.argv[2:]:
    for name in [n for n in sys.modules if n.split(".")[0] == "paramlerp"]:
        del sys.modules[name]
    importlib.import_module(script)
    ours = [m for n, m in sys.modules.items() if n.split(".")[0] == "paramlerp"]
    loaded[script] = [m.__file__ for m in ours]
print(json.dumps(loaded))
"""


def test_a_closure_holds_every_module_that_is_loaded():
    """What Python really loads for a script is among its declared inputs."""
    scripts = sorted(p.stem for p in SCRIPTS.glob("*.py"))
    command = [sys.executable, "-c", LOADED, str(SCRIPTS), *scripts]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = json.loads(run.stdout)
    assert len(loaded) > 15
    for script, modules in loaded.items():
        missing = set(modules) - set(closure.modules_of(SCRIPTS / f"{script}.py"))
        assert not missing, f"{script}: {missing}"


def test_closures_tell_modules_apart():
    def names(script):
        return {Path(m).stem for m in closure.modules_of(SCRIPTS / f"{script}.py")}

    assert "decoding" in names("generate") and "decoding" not in names("finetune")
    assert "merging" in names("merge") and "models" not in names("merge")
    assert "training" in names("finetune") and "training" not in names("perplexity")


TORCH, PANDAS = ("torch", "transformers"), ("pandas", "datasets")


@pytest.mark.parametrize(
    ("script", "heavy"),
    [
        *((s, TORCH) for s in ("merge", "tag", "vader", "sweep_table", "fig3", "select_expert")),
        *((s, PANDAS) for s in ("merge", "tag", "vader", "generate", "ensemble", "row")),
        *((s, PANDAS) for s in ("classify", "perplexity", "losses", "next_words", "divergence")),
    ],
)
def test_jobs_import_what_they_need(script, heavy):
    """Two seconds a job for PyTorch, .7 for pandas, many times a run."""
    for file in [
        SCRIPTS / f"{script}.py",
        *map(Path, closure.modules_of(SCRIPTS / f"{script}.py")),
    ]:
        for node in ast.parse(file.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not set(heavy) & {n.split(".")[0] for n in names}, file.name


def rules() -> dict[str, str]:
    """Name -> text of every rule but `all`."""
    files = (ROOT / "workflow" / "rules").glob("*.smk")
    pieces = [p for f in files for p in re.split(r"^rule ", f.read_text(), flags=re.M)[1:]]
    return {piece.split(":", 1)[0]: piece for piece in pieces}


@pytest.mark.parametrize("rule", sorted(rules()))
def test_a_rule_says_all_that_a_scheduler_or_a_reader_needs(rule):
    text = rules()[rule]
    assert re.match(r'\w+:\n    """[A-Z].*\."""\n', text), "a docstring first"
    for key in ("input", "output", "log", "benchmark", "threads", "resources", "conda", "script"):
        assert f"\n    {key}:" in text, key
    asks = f'**asks("{rule}")' in text
    assert asks or ("mem_mb=more(" in text and "runtime=more(" in text)
    outputs = re.search(r"\n    output:\n(.*?)\n    \w+:", text, re.S)[1]
    assert re.match(r" +(\w+=|\*\*)", outputs), "outputs have names"
    script = re.search(r'"\.\./scripts/(\w+)\.py"', text)[1]
    assert f'code=code("{script}")' in text, "its code is an input"


def pins(lines) -> dict[str, str]:
    found = (re.match(r"([A-Za-z0-9_.-]+)==?([\w.]+)$", line.strip()) for line in lines)
    return {m[1].lower(): m[2] for m in found if m}


def test_environments_agree_with_the_requirements():
    required = pins((ROOT / "requirements.txt").read_text().splitlines())
    names = {"pytorch": "torch"}
    used = set()
    for file in (ROOT / "envs").glob("*.yaml"):
        content = yaml.safe_load(file.read_text())
        specs = [s for s in content["dependencies"] if isinstance(s, str)]
        specs += [s for d in content["dependencies"] if isinstance(d, dict) for s in d["pip"]]
        for name, version in pins(specs).items():
            if name != "python":
                assert required[names.get(name, name)] == version, f"{file.name}: {name}"
                used.add(names.get(name, name))
    assert used == set(required) - {
        "snakemake",
        "snakemake-executor-plugin-slurm",
        "jsonschema",
        "pyyaml",
    }


#: imported as -> conda's name; huggingface_hub comes with datasets and transformers
PACKAGES = {"torch": "pytorch", "huggingface_hub": "datasets", "vaderSentiment": "vadersentiment"}


@pytest.mark.parametrize("rule", sorted(rules()))
def test_an_environment_holds_what_its_scripts_import(rule):
    environment, script = (
        re.search(pattern, rules()[rule])[1]
        for pattern in (r'environment\("(\w+)"\)', r"scripts/(\w+)\.py")
    )
    content = (ROOT / "envs" / f"{environment}.yaml").read_text()
    held = set(pins(line.strip(" -") for line in content.splitlines()))
    for file in [SCRIPTS / f"{script}.py", *closure.modules_of(SCRIPTS / f"{script}.py")]:
        for node in ast.walk(ast.parse(Path(file).read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module)
            roots = {name.split(".")[0] for name in names} - {"paramlerp"}
            for root in roots - sys.stdlib_module_names:
                assert PACKAGES.get(root, root) in held, f"{Path(file).name} imports {root}"


def test_the_tagger_takes_the_geometric_mean_over_words(tmp_path):
    from conftest import tiny_tagger

    tagger = tagging.Tagger(tiny_tagger(tmp_path), threads=1)
    scores = tagger.acceptable(["good", "good good good", "good edit", ""])
    assert scores[:3] == pytest.approx([0.9, 0.9, (0.9 * 0.1) ** 0.5])
    assert scores[3] != scores[3]
    (tmp_path / "tagger.onnx").unlink()
    with pytest.raises(UserError, match=r"tagger\.onnx"):
        tagging.Tagger(tmp_path, threads=1)
