"""What is installed: every package locked with hashes, and the same wherever it is named."""

import importlib.metadata
import re
from collections import defaultdict

import pytest

from conftest import ROOT

HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def normalized(name: str) -> str:
    """A package's name as indexes write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, str]:
    """Package -> version of the pins in a file of requirements, which are all that it has."""
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
    return {normalized(name): version for name, version in (line.split("==") for line in wanted)}


def locked(file: str) -> dict[str, dict[str, list[str]]]:
    """Package -> its versions (several if Pythons have others) -> lines below but comments."""
    entries: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([^\s;]+)( ;.*)? \\$", line):
            below = entries[normalized(match[1])].setdefault(match[2], [])
        elif not line.lstrip().startswith("#"):
            below.append(line)
    return entries


LOCKS = {"requirements.lock": ["requirements.txt"]}
LOCKS["requirements-dev.lock"] = ["requirements.txt", "requirements-dev.txt"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_every_pin_with_its_version(lock):
    entries = locked(lock)
    for file in LOCKS[lock]:
        for name, version in pins(file).items():
            assert list(entries[name]) == [version], f"{file}: {name}: remake the locks"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_has_hashes_and_nothing_else(lock):
    """So pip checks each file, and takes it from the index that it is configured for."""
    entries = locked(lock)
    assert len(entries) > 100
    for name, versions in entries.items():
        for version, below in versions.items():
            assert below and all(HASH.match(line) for line in below), f"{name} {version}"
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


def test_the_locks_agree():
    whole, part = locked("requirements-dev.lock"), locked("requirements.lock")
    assert {name: whole[name] for name in part} == part


def test_the_build_for_cpus_is_of_the_pinned_torch():
    version, *hashes = (
        line
        for line in (ROOT / "requirements-cpu.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    assert version == f"torch=={pins('requirements.txt')['torch']}+cpu \\"
    assert hashes and all(HASH.match(line) for line in hashes)


def test_what_is_installed_is_what_is_locked():
    """A local version, such as +cpu, is another build of the same version."""
    entries = locked("requirements-dev.lock")
    for name in [*pins("requirements.txt"), *pins("requirements-dev.txt")]:
        importlib.metadata.version(name)
    for installed in importlib.metadata.distributions():
        if versions := entries.get(normalized(installed.metadata["Name"])):
            assert installed.version.split("+")[0] in versions, installed.metadata["Name"]
