"""Files from zip and tar archives, also from archives inside archives."""

import fnmatch
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..jobs.errors import UserError, reason

#: what the standard library raises for archives that are cut off, damaged or encrypted
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
)


def unpack(archive: Path, extract: list[str], target: Path) -> None:
    """Write to `target` the members that match the last entry of `extract`, a file or a pattern.

    The other entries are a path through nested archives, from the outermost inwards. Members
    keep their path relative to the last folder of the pattern that has no wildcard.
    Raises UserError if a file is no archive or is damaged, if nothing matches, or if a matching
    member is a link or would be written outside of `target`.
    """
    *nested, pattern = extract
    with tempfile.TemporaryDirectory() as folder:
        for depth, member in enumerate(nested):
            inner = Path(folder, f"{depth}-{PurePosixPath(member).name}")
            matches = _members(archive, member)
            if len(matches) > 1:
                raise UserError(f"{archive.name}: {len(matches)} members match {member!r}")
            inner.write_bytes(matches[0][1])
            archive = inner
        root = _folder_of(pattern)
        for member, content in _members(archive, pattern):
            path = target / PurePosixPath(member).relative_to(root)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _folder_of(pattern: str) -> PurePosixPath:
    """The folders at the start of a pattern that have no wildcard."""
    folders: list[str] = []
    for part in PurePosixPath(pattern).parts[:-1]:
        if any(character in part for character in "*?["):
            break
        folders.append(part)
    return PurePosixPath(*folders)


def _members(archive: Path, pattern: str) -> list[tuple[str, bytes]]:
    """Name and content of the files that match."""
    with _damage_reported(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                names = [name for name in zipped.namelist() if not name.endswith("/")]
                matches = [
                    (_checked(archive, name), zipped.read(name))
                    for name in names
                    if fnmatch.fnmatchcase(name, pattern)
                ]
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tarred:
                matches = [
                    (_checked(archive, member.name, member), tarred.extractfile(member).read())
                    for member in tarred.getmembers()
                    if not member.isdir() and fnmatch.fnmatchcase(member.name, pattern)
                ]
                # tarfile stops before the end of the stream, where gzip has its checksum.
                while tarred.fileobj.read(1 << 20):
                    pass
        else:
            raise UserError(f"{archive.name}: neither a zip nor a tar archive")
    if not matches:
        raise UserError(f"{archive.name}: holds nothing that matches {pattern!r}")
    return matches


def _checked(archive: Path, name: str, member: tarfile.TarInfo | None = None) -> str:
    """A member's name, if it is a file that stays below the folder it is unpacked to."""
    if member is not None and not member.isfile():
        raise UserError(f"{archive.name}: member {name!r} is a link or a device, not a file")
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise UserError(f"{archive.name}: member {name!r} would be written outside of its folder")
    return name


@contextmanager
def _damage_reported(archive: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise UserError(f"{archive.name}: damaged archive: {reason(error)}") from None
