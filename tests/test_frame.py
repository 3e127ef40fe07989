"""The frame of the workflow: config, files, code closures, rules and environments fit together."""

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import textwrap
import tokenize
from fnmatch import fnmatch
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import DEFAULT, ROOT, SCHEMA, SCHEMES
from paramlerp.config import entries, figure_checks, layers, registry, sweeps
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.measure import tagging
from paramlerp.plan import closure

SCRIPTS = ROOT / "workflow" / "scripts"
#: every script as rules name it: folder/name
NAMES_OF_SCRIPTS = sorted(
    f"{file.parent.name}/{file.stem}"
    for file in SCRIPTS.glob("*/*.py")
    if file.parent.name != "paramlerp"
)

POLES = {pole for entry in DEFAULT["attributes"].values() for pole in entry["poles"]}
COORDINATES = {name for scheme in SCHEMES.values() for name in scheme.coordinates}
#: all names that the default config defines
NAMES = POLES | {name for part in layers.NAMED for name in DEFAULT[part]}


def test_a_source_of_another_kind_or_reader_ignores_the_keys_of_the_old_one():
    base = {**DEFAULT["sources"]["base"], "kind": "hub", "id": "gpt2"}
    assert entries.location(base) == {"kind": "hub", "id": "gpt2", "revision": None}
    columns = {"text": "sentence", "label": "stars"}
    reviews = {**DEFAULT["sources"]["reviews"], "reader": "table", **columns}
    assert entries.reading(reviews) == {"reader": "table", **columns}
    assert entries.reading({**reviews, "reader": "trees"}) == {"reader": "trees"}


def test_a_selection_has_the_texts_criteria_and_not_their_source():
    """Else a source of another name with the same texts would rerun jobs."""
    entry = {"source": "reviews", "at_least": 0.8, "at_most": None}
    assert entries.selection(entry) == {"at_least": 0.8}
    assert entries.selection({"source": "trees", "labels": [0, 1]}) == {"labels": [0, 1]}


def test_points_as_a_range_or_a_list():
    expected = ["-0.500", "-0.250", "0.000", "0.250", "0.500"]
    assert sweeps.numbers({"from": -0.5, "to": 0.5, "step": 0.25}) == expected
    assert sweeps.numbers([0.5, -0.25, "-0.5", 0.25, -0.0]) == expected
    assert len(sweeps.numbers({"from": -4, "to": 4, "step": 0.4})) == 21


def grid(rates, **overrides) -> dict[str, dict]:
    """An expert's grid with these learning rates; `overrides` are the expert's keys."""
    settings = {"learning_rate": rates, "batch_size": [32], "steps": [250, 500]}
    expert = {"kind": "finetuned", "finetuning": overrides}
    return registry.grid({"finetuning": settings, "checkpoints": {"expert": expert}}, "expert")


def test_the_grid_has_a_name_for_each_setting():
    names = list(grid([1e-6, 5.0e-5]))
    assert names == [f"lr={lr}_batch=32_steps={s}" for lr in ("1e-06", "5e-05") for s in (250, 500)]
    assert len(grid([1.2345678e-5, 1.2345679e-5])) == 2 * 2, "names keep all digits of a rate"
    assert list(grid([1e-6], steps=[10])) == ["lr=1e-06_batch=32_steps=10"], "the expert's key"


def test_a_failed_write_leaves_the_old_file_and_no_new_one(tmp_path):
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


def test_write_rows_writes_the_same_bytes_as_write_frame(tmp_path):
    rows = [
        {"a": 1, "b": 0.1 + 0.2, "c": 'she said "so", twice', "d": None, "e": True},
        {"a": -2, "b": float("nan"), "c": "\n ü", "d": 1e-20, "e": False},
        {"a": 3, "b": float("-inf"), "c": "", "d": np.float64(1234567890123), "e": True},
    ]
    files.write_rows(tmp_path / "rows.csv", rows)
    files.write_frame(tmp_path / "frame.csv", pd.DataFrame(rows))
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "frame.csv").read_bytes()
    files.write_rows(tmp_path / "rows.csv", [], ["a", "b"])
    assert (tmp_path / "rows.csv").read_text() == "a,b\n"


#: prints script -> the files of the library's modules that Python loads for it
LOADED = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
loaded = {}
for script in sys.argv[2:]:
    for name in [n for n in sys.modules if n.split(".")[0] == "paramlerp"]:
        del sys.modules[name]
    importlib.import_module(script.replace("/", "."))
    ours = [m for n, m in sys.modules.items() if n.split(".")[0] == "paramlerp"]
    loaded[script] = [m.__file__ for m in ours]
print(json.dumps(loaded))
"""


def test_a_closure_contains_every_module_that_python_loads():
    """The hash in a rule's params covers every module that its script loads."""
    command = [sys.executable, "-c", LOADED, str(SCRIPTS), *NAMES_OF_SCRIPTS]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = json.loads(run.stdout)
    assert len(loaded) > 15
    for script, modules in loaded.items():
        missing = set(modules) - set(closure.modules_of(SCRIPTS / f"{script}.py"))
        assert not missing, f"{script}: {missing}"


def test_a_closure_contains_only_the_modules_that_its_script_imports():
    def names(script):
        return {Path(m).stem for m in closure.modules_of(SCRIPTS / f"{script}.py")}

    assert "decoding" in names("texts/generate")
    assert "decoding" not in names("checkpoints/finetune")
    assert "merging" in names("checkpoints/merge")
    assert "models" not in names("checkpoints/merge")
    assert "loop" in names("checkpoints/finetune")
    assert "loop" not in names("scores/perplexity")


#: file -> content: a package with subpackages, and scripts, with every form of import
TREE = {
    "script.py": "from paramlerp import a\n",
    "deep.py": "def f():\n    import paramlerp.sub.below.e\n",
    "name.py": "from paramlerp.sub import c\nimport json\n",
    "alone.py": "import json, paramlerpx\nfrom sub import b\n",
    "paramlerp/__init__.py": "",
    "paramlerp/plan/__init__.py": "",
    "paramlerp/a.py": "from .sub import b as other\n",
    "paramlerp/unused.py": "from . import a\n",
    "paramlerp/f.py": "",
    "paramlerp/sub/__init__.py": "from .. import f\n",
    "paramlerp/sub/b.py": "from .c import something\nfrom . import b\n",
    "paramlerp/sub/c.py": "from ..sub.below import d\n",
    "paramlerp/sub/below/__init__.py": "",
    "paramlerp/sub/below/d.py": "from ... import a\n",
    "paramlerp/sub/below/e.py": "from ..b import something\n",
}


@pytest.fixture
def tree(tmp_path) -> Path:
    """`TREE` on disk with a copy of the real closure.py, which reads the package around it."""
    root = tmp_path / "tree"
    for name, content in TREE.items():
        files.write_text(root / name, content)
    shutil.copy(closure.__file__, root / "paramlerp" / "plan" / "closure.py")
    return root


def closure_of(root: Path):
    """The closure.py of a tree as a new module with empty caches, as in a new run of Snakemake."""
    spec = importlib.util.spec_from_file_location(
        "closure", root / "paramlerp" / "plan" / "closure.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: script -> the modules of its closure, without the package's top __init__.py
CLOSURES = {
    "script": "a sub/__init__ f sub/b sub/c sub/below/__init__ sub/below/d",
    "deep": "a sub/__init__ f sub/b sub/c sub/below/__init__ sub/below/d sub/below/e",
    "name": "a sub/__init__ f sub/b sub/c sub/below/__init__ sub/below/d",
    "alone": "",
}


@pytest.mark.parametrize("script", CLOSURES)
def test_a_closure_follows_packages(tree, script):
    """Absolute and relative imports of all levels, of modules and of packages' __init__.py."""
    modules = closure_of(tree).modules_of(tree / f"{script}.py")
    names = [*CLOSURES[script].split(), *(["__init__"] if CLOSURES[script] else [])]
    assert modules == sorted(str(tree / "paramlerp" / f"{name}.py") for name in names)


def test_a_digest_depends_on_the_code_and_not_on_its_folder(tree, tmp_path):
    def digests(root):
        copied_closure = closure_of(root)
        return {script: copied_closure.digest(root / f"{script}.py") for script in CLOSURES}

    first = digests(tree)
    assert len(set(first.values())) == len(CLOSURES)
    copy = shutil.copytree(tree, tmp_path / "another" / "depth" / "tree")
    assert digests(copy) == first
    for name in TREE:
        content = (copy / name).read_text()
        (copy / name).write_text(content + "# an edit\n")
        module = name.removeprefix("paramlerp/").removesuffix(".py")
        users = {s for s, c in CLOSURES.items() if c and module in [*c.split(), "__init__"]}
        changed = {script for script, digest in digests(copy).items() if digest != first[script]}
        assert changed == users | ({module} & set(CLOSURES)), name
        (copy / name).write_text(content)
    (copy / "paramlerp" / "f.py").rename(copy / "paramlerp" / "g.py")
    files.write_text(copy / "paramlerp" / "sub" / "__init__.py", "from .. import g\n")
    assert digests(copy)["script"] != first["script"]
    assert digests(copy)["alone"] == first["alone"]


TORCH, PANDAS = ("torch", "transformers"), ("pandas", "datasets")
#: heavy packages -> the scripts that never import them at module level
LIGHT = {
    TORCH: "checkpoints/merge checkpoints/select_candidate scores/tag scores/tagger_reference"
    " scores/vader figures/line"
    " tables/sweep_table tables/against tables/two_lines_table tables/plane_table"
    " tables/pairs_table",
    PANDAS: "checkpoints/merge checkpoints/finetune checkpoints/permute data/prompts"
    " texts/generate texts/ensemble texts/generate_line scores/tag scores/vader scores/classify"
    " scores/tagger_reference"
    " scores/perplexity scores/losses scores/line_losses scores/next_words scores/divergence",
}


@pytest.mark.parametrize(
    ("script", "heavy"),
    [(script, heavy) for heavy, scripts in LIGHT.items() for script in scripts.split()],
)
def test_a_job_imports_no_heavy_package_that_it_does_not_need(script, heavy):
    """Importing PyTorch takes 2 s and pandas 0.7 s, in each of the many jobs of a run."""
    for file in [
        SCRIPTS / f"{script}.py",
        *map(Path, closure.modules_of(SCRIPTS / f"{script}.py")),
    ]:
        for node in ast.parse(file.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not set(heavy) & {n.split(".")[0] for n in names}, file.name


def rules() -> dict[str, str]:
    """Name -> text of every rule but `all`. A rule in a loop has its unformatted name."""
    texts = {}
    for file in sorted((ROOT / "workflow" / "rules").rglob("*.smk")):
        text = file.read_text()
        for head in re.finditer(r"^( *)rule(?: (\w+))?:\n", text, re.M):
            inside = re.match(rf"(?:{head[1]}    .*\n|\n)+", text[head.end() :])
            rule = textwrap.dedent(inside[0])
            name = head[2] or re.search(r"^name:\n +(.*)$", rule, re.M)[1]
            assert name not in texts, name
            texts[name] = rule
    return texts


def section(rule: str, key: str) -> str:
    """The content of a rule's section: the rest of its line and the indented lines below."""
    match = re.search(rf"^{key}:(.*\n(?:(?: .*)?\n)*)", rule, re.M)
    return match[1] if match else ""


def scripts_of(rule: str) -> list[str]:
    """The scripts that a rule's text names. Wildcards in braces match every script that fits."""
    name = re.search(r'"\.\./\.\./scripts/(.*)\.py"', section(rule, "script"))[1]
    return [script for script in NAMES_OF_SCRIPTS if fnmatch(script, re.sub(r"\{.*?\}", "*", name))]


#: rules that read no file, or no file of the run
READ_NOTHING = ("fetch", "sources", "estimate", "check")


@pytest.mark.parametrize("rule", sorted(rules()))
def test_a_rule_has_all_sections_that_a_scheduler_or_a_reader_needs(rule):
    text = rules()[rule]
    assert re.match(r'"""[A-Z].*\."""\n', text), "a docstring first"
    keys = ["input", "output", "log", "benchmark", "threads", "resources", "conda", "params"]
    for key in [*keys, "script"]:
        assert section(text, key) or (key == "input" and rule in READ_NOTHING), key
    resources = section(text, "resources")
    requests = f'**request("{rule}")' in resources
    assert requests or ("mem_mb=per_attempt(" in resources and "runtime=per_attempt(" in resources)
    assert re.match(r"\n +(\w+=|\*\*)", section(text, "output")), "outputs have names"
    script = re.search(r'"\.\./\.\./scripts/(.*)\.py"', section(text, "script"))[1]
    code = re.search(r'\bcode=code\((f?)"(.*)"\)', section(text, "params"))
    assert code, "its code is a param"
    hashed = code[2]
    if code[1]:  # In a loop the f-string and the script's wildcards name the same file.
        hashed = re.sub(r"FIGURE\['(\w+)'\]", r"params.\1", hashed)
        assert 'shows=FIGURE["shows"]' in section(text, "params")
    assert hashed == script
    assert "code(" not in section(text, "input") and scripts_of(text)


def kinds(part: str, key: str = "kind") -> list[str]:
    """The kinds that the schema allows for a section's entries."""
    return SCHEMA["properties"][part]["additionalProperties"]["properties"][key]["enum"]


def test_every_script_has_a_rule_and_every_kind_of_figure_has_a_script():
    named = [script for rule in rules().values() for script in scripts_of(rule)]
    assert sorted(named) == NAMES_OF_SCRIPTS
    shown = {name.removeprefix("figures/") for name in named if name.startswith("figures/")}
    assert shown == set(kinds("figures", "shows")) == set(figure_checks.SHOWS)
    captions = {p.stem for p in (ROOT / "workflow" / "report").glob("*.rst")} - {"workflow"}
    assert shown == captions


def pins(lines) -> dict[str, str]:
    """Package -> version of all lines that pin one, with = or ==."""
    matches = (re.match(r"([A-Za-z0-9_.-]+)==?([\w.]+)$", line.strip()) for line in lines)
    return {m[1].lower(): m[2] for m in matches if m}


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


#: name in imports -> conda's name; datasets and transformers bring huggingface_hub
PACKAGES = {
    "torch": "pytorch",
    "huggingface_hub": "datasets",
    "sklearn": "scikit-learn",
    "vaderSentiment": "vadersentiment",
}


@pytest.mark.parametrize(
    ("rule", "script"), [(rule, s) for rule in sorted(rules()) for s in scripts_of(rules()[rule])]
)
def test_an_environment_contains_every_package_that_its_scripts_import(rule, script):
    environment = re.search(r'environment\("(\w+)"\)', section(rules()[rule], "conda"))[1]
    content = (ROOT / "envs" / f"{environment}.yaml").read_text()
    packages = set(pins(line.strip(" -") for line in content.splitlines()))
    for file in [SCRIPTS / f"{script}.py", *closure.modules_of(SCRIPTS / f"{script}.py")]:
        for node in ast.walk(ast.parse(Path(file).read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module)
            roots = {name.split(".")[0] for name in names} - {"paramlerp"}
            for root in roots - sys.stdlib_module_names:
                assert PACKAGES.get(root, root) in packages, f"{Path(file).name} imports {root}"


#: words of the code that are also names in the default config, and their meaning in the code
COINCIDE = {
    "perplexity": (kinds("scorers"), "a kind of scorer, with its rule and script"),
    "tagger": (kinds("scorers"), "a kind of scorer, with the environment of its rule"),
    "vader": (kinds("scorers"), "a kind of scorer, with its rule and script"),
    "finetuned": (kinds("checkpoints"), "a kind of checkpoint"),
    "permuted": (kinds("checkpoints"), "a kind of checkpoint"),
    "ensemble": (kinds("figures", "shows"), "a kind of figure, and a rule with a script"),
    "pairs": (kinds("figures", "shows"), "a kind of figure"),
}


def literals(file: Path):
    """Line and content of every string literal in a file of Python or of rules.

    An f-string yields its constant pieces.
    """
    if file.suffix == ".py":
        nodes = [(0, ast.parse(file.read_text(encoding="utf-8")))]
    else:
        # Rules do not parse as Python but have the same tokens.
        with open(file, "rb") as lines:
            tokens = [t for t in tokenize.tokenize(lines.readline) if t.type == tokenize.STRING]
        nodes = [(t.start[0] - 1, ast.parse(t.string)) for t in tokens]
    for line, tree in nodes:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield line + node.lineno, node.value


def test_the_code_contains_no_name_of_the_default_config(tmp_path):
    """Neither as a string nor in a path. So attributes, schemes and sweeps of any name work."""
    example = tmp_path / "example.smk"
    example.write_text('rule x:\n    input:\n        f"results/{a}/b.csv",\n        c=["d"]\n')
    assert list(literals(example)) == [(3, "results/"), (3, "/b.csv"), (4, "d")]
    sources = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]
    sources += sorted((ROOT / "workflow").rglob("*.py"))
    assert len(sources) > 80
    names_in_code = {}
    for file in sources:
        for line, text in literals(file):
            words = re.split(r"[/.]", text) if "/" in text else [text]
            names_in_code |= {word: f"{file.name}:{line}" for word in words if word in NAMES}
    unexpected = {w: line for w, line in names_in_code.items() if w not in COINCIDE}
    assert names_in_code.keys() == COINCIDE.keys(), unexpected
    for word, (allowed, _) in COINCIDE.items():
        assert word in allowed, word


@pytest.mark.parametrize(
    ("prompt", "text", "words"),
    [
        ("edit edit", " good edit good", [0.9, 0.1, 0.9]),
        ("edit ", "good", [0.9]),
        ("edit go", "od good", [0.9, 0.9]),
        ("", "good", [0.9]),
        ("good\n", "edit", [0.1]),
        ("good", "", []),
        ("good", " \n ", []),
    ],
)
def test_grammar_is_that_of_the_words_that_a_continuation_adds_or_completes(
    tmp_path, prompt, text, words
):
    """The prompt's own words have no say: they are a human's, and weigh more in a short text."""
    from conftest import tiny_tagger

    tagger = tagging.Tagger(tiny_tagger(tmp_path), threads=1)
    (score,) = tagger.acceptability([prompt + text], [tagging.first_word(prompt, text)])
    assert score == pytest.approx(
        np.prod(words) ** (1 / len(words)) if words else np.nan, nan_ok=True
    )


def test_the_tagger_takes_the_geometric_mean_over_words(tmp_path):
    from conftest import tiny_tagger

    tagger = tagging.Tagger(tiny_tagger(tmp_path), threads=1)
    scores = tagger.acceptability(["good", "good good good", "good edit", ""], [0] * 4)
    assert scores[:3] == pytest.approx([0.9, 0.9, (0.9 * 0.1) ** 0.5])
    assert scores[3] != scores[3]
    session = tagger.session
    tagger.session = Mock(run=lambda *inputs: [session.run(*inputs)[0] * np.nan])
    with pytest.raises(UserError, match=r"tagger\.onnx: its logits hold NaN"):
        tagger.acceptability(["good"], [0])
    (tmp_path / "tagger.onnx").unlink()
    with pytest.raises(UserError, match=r"tagger\.onnx"):
        tagging.Tagger(tmp_path, threads=1)
