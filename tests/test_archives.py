"""Archives: what is unpacked, and that nothing leaves its folder."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from paramlerp.data.archives import unpack
from paramlerp.jobs.errors import UserError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, members: dict[str, bytes], **links: str) -> Path:
    """A tar of files, and of symbolic links: name -> target."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


MAKERS = {"zip": make_zip, "tar": make_tar}


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("a/b/c.txt", ["c.txt"]),
        ("a/*", ["b/c.txt", "b/d.md"]),
        ("*", ["a/b/c.txt", "a/b/d.md", "e.txt"]),
        ("*/d.md", ["a/b/d.md"]),
        ("a/b?/*", None),
    ],
)
def test_members_keep_their_path_below_the_pattern_s_folder(tmp_path, kind, pattern, files):
    members = {"a/b/c.txt": b"c", "a/b/d.md": b"d", "e.txt": b"e"}
    archive = MAKERS[kind](tmp_path / f"x.{kind}", members)
    target = tmp_path / "target"
    if files is None:
        with pytest.raises(UserError, match=r"holds nothing that matches 'a/b\?/\*'"):
            unpack(archive, [pattern], target)
    else:
        unpack(archive, [pattern], target)
        assert files_below(target) == files


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("../out.txt", "../out.txt"),
        ("../out.txt", "*"),
        ("a/../../out.txt", "a/*"),
        ("/tmp/out.txt", "*"),
        ("..\\out.txt", "*"),
        ("C:/out.txt", "*"),
        (".", "*"),
    ],
)
def test_a_member_that_would_leave_its_folder_is_refused_by_name(tmp_path, kind, name, pattern):
    archive = MAKERS[kind](tmp_path / f"x.{kind}", {"a/in.txt": b"", name: b"evil"})
    before = files_below(tmp_path)
    with pytest.raises(UserError, match=r"would be written outside of its folder"):
        unpack(archive, [pattern], tmp_path / "below" / "target")
    assert files_below(tmp_path) == before


def test_a_link_is_refused_by_name(tmp_path):
    archive = make_tar(tmp_path / "x.tar", {"a/in.txt": b""}, **{"a/link": "/etc/passwd"})
    with pytest.raises(UserError, match=r"member 'a/link' is a link"):
        unpack(archive, ["a/*"], tmp_path / "target")
    unpack(archive, ["a/*.txt"], tmp_path / "target")  # what is not asked for does no harm


def test_archives_inside_archives_are_found_by_one_name_or_pattern(tmp_path):
    inner = make_tar(tmp_path / "inner.tar.gz", {"texts/a.txt": b"a"}).read_bytes()
    outer = make_zip(tmp_path / "outer.zip", {"v1/inner.tar.gz": inner, "v1/other.tar.gz": inner})
    unpack(outer, ["v1/inner*", "texts/*"], tmp_path / "target")
    assert files_below(tmp_path / "target") == ["a.txt"]
    with pytest.raises(UserError, match=r"outer\.zip: 2 members match 'v1/\*'"):
        unpack(outer, ["v1/*", "texts/*"], tmp_path / "other")


@pytest.mark.parametrize("kind", MAKERS)
def test_a_damaged_archive_is_one_line(tmp_path, kind):
    archive = MAKERS[kind](tmp_path / f"x.{kind}", {"a.txt": bytes(range(256)) * 40})
    content = bytearray(archive.read_bytes())
    middle = 40 if kind == "zip" else len(content) // 2
    content[middle : middle + 8] = b"damaged!"
    archive.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"^x\.\w+: (damaged archive: \S|neither a zip nor)"):
        unpack(archive, ["*"], tmp_path / "target")
    archive.write_bytes(b"no archive")
    with pytest.raises(UserError, match="neither a zip nor a tar archive"):
        unpack(archive, ["*"], tmp_path / "target")
