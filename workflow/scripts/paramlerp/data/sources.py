"""Fetching the config's sources: a Python package's files, a file by URL, a hub repository.

A source of kind "path" is not fetched: the rules read it where it lies. What a URL or a moving
revision held at its first fetch is recorded as JSON: URL -> sha256, or repository -> revision.
"""

import json
import re
import shutil
import tempfile
import urllib.parse
from pathlib import Path, PurePosixPath

from ..jobs import environment, files
from ..jobs.errors import UserError, errors_in, reason
from . import downloads
from .archives import unpack


def fetch_package(
    target: Path, *, name: str, version: str, sha256: str, extract: list[str]
) -> None:
    """Download a Python package's file and `unpack` its members `extract` to `target`.

    The package is not installed, and none of its code is run. The hash picks one of a version's
    files (wheels, sdist).
    Raises UserError if the index has no such package or hash, or the package no such member.
    """
    with tempfile.TemporaryDirectory() as folder, errors_in(f"package {name}=={version}"):
        unpack(downloads.package_file(Path(folder), name, version, sha256), extract, target)


def fetch_url(
    target: Path, *, url: str, sha256: str | None, extract: list[str] | None, record: Path
) -> None:
    """Download a file to `target`, or `unpack` its members `extract` there.

    Raises UserError if the download fails, or if the file's hash is not `sha256`, or without
    `sha256` not the hash of the first fetch.
    """
    shown = downloads.without_user(url)
    with tempfile.TemporaryDirectory() as folder:
        try:
            name = PurePosixPath(urllib.parse.urlsplit(shown).path).name or "file"
            path = Path(folder, name)
            downloads.download(downloads.opener([url]), url, path)
        except downloads.FAILED as error:
            raise UserError(
                f"{shown}: {reason(error)}; for a copy on disk use kind: path"
            ) from None
        digest, first_digest = files.sha256(path), _recorded(record).get(shown)
        if sha256 and digest != sha256:
            raise UserError(f"{shown}: has sha256 {digest}, and not {sha256}")
        if not sha256 and first_digest and digest != first_digest:
            raise UserError(
                f"{shown}: is another file than at the first fetch; to take it all the same"
                f" delete {record}"
            )
        if extract:
            with errors_in(shown):
                unpack(path, extract, target)
        else:
            shutil.copyfile(path, target / name)
    _record(record, shown, digest)


def fetch_hub(
    target: Path, *, id: str, revision: str | None, dataset: bool, stream: bool, record: Path
) -> None:
    """Download a repository of the Hugging Face hub, or only the revision to `stream` it at.

    A commit hash in `revision` is taken as it is. A branch, or no revision, stands for the
    commit of its first fetch, and at that first fetch for the newest.
    Raises UserError if the hub has no such repository or revision, or cannot be reached.
    """
    environment.allow_hub()
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    hub, kind = HfApi(), "dataset" if dataset else "model"
    name = f"{id}@{revision}" if revision else id
    try:
        if re.fullmatch("[0-9a-f]{40}", revision or ""):
            commit = revision
        elif not (commit := _recorded(record).get(name)):
            commit = hub.repo_info(id, repo_type=kind, revision=revision).sha
        if not stream:
            ignored = []
            if not dataset:
                ignored += _OTHER_FRAMEWORKS
                names = hub.list_repo_files(id, revision=commit)
                if any(file.endswith(".safetensors") for file in names):
                    ignored.append("*.bin")  # the same weights in PyTorch's older format
            snapshot_download(
                id, revision=commit, repo_type=kind, local_dir=target, ignore_patterns=ignored
            )
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UserError(
            f"hub repository {id}: {reason(error)}; for a copy on disk use kind: path"
        ) from None
    _record(record, name, commit)
    if stream:
        files.write_json(target / _REVISION, {"id": id, "revision": commit})


def fetched_revision(folder) -> str:
    """The commit at which a repository is streamed, as `fetch_hub` wrote it to its target."""
    return json.loads(Path(folder, _REVISION).read_text())["revision"]


def _recorded(record: Path) -> dict[str, str]:
    return json.loads(record.read_text()) if record.exists() else {}


def _record(record: Path, name: str, value: str) -> None:
    """Add a first fetch to the record; an entry for `name` that exists stays."""
    record.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(record, {name: value, **_recorded(record)})


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
