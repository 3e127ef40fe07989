"""The structure: folders, modules and the config stay short enough to read in one sitting."""

from pathlib import Path

import pytest

from conftest import ROOT

WORKFLOW = ROOT / "workflow"
MAX_FILES = 15
MAX_LINES = 350
MAX_LINES_OF_THE_CONFIG = 200


def name_of(path: Path) -> str:
    """The path as it appears in the name of a test."""
    return str(path.relative_to(ROOT))


def sources_below(folder: Path) -> list[Path]:
    """The files below a folder, without hidden files and compiled modules."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    ]


FILES = sources_below(WORKFLOW)
FOLDERS = sorted({path.parent for path in FILES})
CODE = [path for path in FILES if path.suffix in (".py", ".smk")]


def test_the_search_finds_folders_and_modules():
    assert len(FOLDERS) > 10 and len(CODE) > 80


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_holds_few_files(folder):
    files = [path.name for path in FILES if path.parent == folder]
    assert len(files) <= MAX_FILES, files


@pytest.mark.parametrize("file", CODE, ids=name_of)
def test_a_module_or_a_file_of_rules_is_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_the_default_config_is_short():
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES_OF_THE_CONFIG
