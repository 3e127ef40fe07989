"""Files from zip and tar archives, also from archives inside archives."""

import fnmatch
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from ..jobs.errors import UserError


def unpack(archive: Path, extract: list[str], target: Path) -> None:
    """Write to `target` the members that match the last entry of `extract`, a file or a pattern.

    The other entries are a path through nested archives, from the outermost inwards. Members
    keep their path relative to the pattern's folder.
    Raises UserError if a file is no archive or nothing matches.
    """
    *nested, pattern = extract
    with tempfile.TemporaryDirectory() as folder:
        for depth, member in enumerate(nested):
            inner = Path(folder, f"{depth}-{PurePosixPath(member).name}")
            inner.write_bytes(dict(_members(archive, member))[member])
            archive = inner
        root = PurePosixPath(pattern).parent
        for member, content in _members(archive, pattern):
            path = target / PurePosixPath(member).relative_to(root)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _members(archive: Path, pattern: str) -> list[tuple[str, bytes]]:
    """Name and content of the files that match."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            names = [name for name in zipped.namelist() if not name.endswith("/")]
            matches = [(n, zipped.read(n)) for n in names if fnmatch.fnmatchcase(n, pattern)]
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarred:
            matches = [
                (member.name, tarred.extractfile(member).read())
                for member in tarred.getmembers()
                if member.isfile() and fnmatch.fnmatchcase(member.name, pattern)
            ]
    else:
        raise UserError(f"{archive.name}: neither a zip nor a tar archive")
    if not matches:
        raise UserError(f"{archive.name}: holds nothing that matches {pattern!r}")
    return matches
