"""Imports of the library change no setting of the process, and rooms import downwards only."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"

#: imports third-party packages first, to see only effects of the library
EFFECTS = """
import gc, importlib, json, os, pkgutil, warnings
import datasets, huggingface_hub, matplotlib, matplotlib.pyplot, onnxruntime, pandas, torch
import transformers, accelerate, snakemake_interface_logger_plugins.common

def settings():
    from transformers.utils import logging
    return {
        "environment": dict(os.environ),
        "gc": [gc.isenabled(), *gc.get_threshold()],
        "hub offline": huggingface_hub.constants.HF_HUB_OFFLINE,
        "hub bars": huggingface_hub.utils.are_progress_bars_disabled(),
        "datasets offline": datasets.config.HF_HUB_OFFLINE,
        "matplotlib": [matplotlib.get_backend(), repr(matplotlib.rcParams)],
        "transformers": [logging.get_verbosity(), logging.is_progress_bar_enabled()],
        "torch threads": [torch.get_num_threads(), torch.is_grad_enabled()],
        "warnings": len(warnings.filters),
    }

before, changes, names = settings(), {}, []
def import_and_compare(name):
    global before
    names.append(name)
    module = importlib.import_module(name)
    after = settings()
    if changed := [key for key in after if after[key] != before[key]]:
        changes[name] = changed
    before = after
    return module

package = import_and_compare("paramlerp")
for module in pkgutil.walk_packages(package.__path__, "paramlerp."):
    import_and_compare(module.name)
print(json.dumps({"modules": names, "changes": changes}))
"""


def effects_of_imports(package: Path) -> dict:
    """The library's modules in `package`, and the settings that the import of each one changes."""
    keep = ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "MPLCONFIGDIR")
    clean = {key: os.environ[key] for key in keep if key in os.environ}
    run = subprocess.run(
        [sys.executable, "-c", EFFECTS],
        # The library never uses this backend, so any choice of a backend shows as a change.
        env=clean | {"PYTHONPATH": str(package), "MPLBACKEND": "svg"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_no_import_changes_a_setting_of_the_process():
    effects = effects_of_imports(SCRIPTS)
    assert len(effects["modules"]) > 40
    assert effects["changes"] == {}


def test_the_main_process_prepares_the_environment_of_its_jobs():
    """transformers reads HF_HUB_OFFLINE when a script imports it, before `job` could set it."""
    text = (ROOT / "workflow" / "rules" / "common.smk").read_text()
    assert re.search(r"^process_environment\.prepare\(\)$", text, re.M)


def lint(folder: Path) -> subprocess.CompletedProcess:
    """Run import-linter with pyproject.toml's contracts on the library in `folder`."""
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command, "install requirements-dev.txt"
    return subprocess.run(
        [command, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_rooms_import_downwards_only():
    run = lint(SCRIPTS)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("jobs/seeds.py", "from ..data import readers"),
        ("config/layers.py", "def f():\n    import paramlerp.lm.models"),
    ],
    ids=["upwards", "sideways"],
)
def test_an_import_against_the_floors_is_refused(tmp_path, module, statement):
    shutil.copytree(SCRIPTS / "paramlerp", tmp_path / "paramlerp")
    with open(tmp_path / "paramlerp" / module, "a") as file:
        file.write(f"\n\n{statement}\n")
    run = lint(tmp_path)
    assert run.returncode == 1 and "rooms import downwards only BROKEN" in run.stdout
