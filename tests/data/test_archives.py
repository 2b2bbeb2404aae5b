"""Archives give their plain files, nested ones too; one with a trap is refused before anything is given."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from attnforge.data.reading.archives import members
from attnforge.errors import DataError

FILES = {"top/a.txt": b"one", "top/deep/b.txt": b"", "c.txt": b"three" * 1000}


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("top")
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz", *extra: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in extra:
            archive.addfile(info)
    return content.getvalue()


def link(kind: bytes, name: str = "link", target: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_with_link() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return content.getvalue()


def read(path: Path) -> dict[str, bytes]:
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return {member.name: b"".join(member.content()) for member in members(path, scratch=scratch)}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def without_bytes(value: object) -> str:
    """Part of a test's name. Archives hold the time, so that two processes would name them otherwise."""
    return value if isinstance(value, str) else "content"


@pytest.mark.parametrize(
    ("name", "pack"),
    [("birds.zip", zipped), ("birds.tgz", tarred), ("birds.tar", lambda files: tarred(files, "w"))],
)
def test_every_plain_file_is_given_below_the_archive_s_name(
    tmp_path: Path, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    assert read(write(tmp_path / name, pack(FILES))) == {f"birds/{one}": data for one, data in FILES.items()}


def test_a_folder_gives_its_files_without_hidden_ones(tmp_path: Path) -> None:
    folder = tmp_path / "birds"
    (folder / "in" / ".git").mkdir(parents=True)
    (folder / "in" / ".git" / "x").write_text("x")
    (folder / "in" / "a.txt").write_text("one")
    (folder / "in" / "again").symlink_to(folder)
    found = read(folder)
    assert found["birds/in/a.txt"] == b"one"
    assert not any(".git" in name for name in found)


def test_archives_within_archives_and_folders_are_opened(tmp_path: Path) -> None:
    outer = zipped({"data/text.zip": zipped({"text/x.txt": b"x"}), "data/more.tar.gz": tarred({"y": b"y"})})
    expected = {"all/data/text/text/x.txt": b"x", "all/data/more/y": b"y"}
    assert read(write(tmp_path / "all.zip", outer)) == expected
    (tmp_path / "all").mkdir()
    write(tmp_path / "all" / "all.zip", outer)
    assert sorted(read(tmp_path / "all").values()) == [b"x", b"y"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped({"fine": b"", "../out": b"x"})),
        ("a.zip", zipped({"fine": b"", "in/../../out": b"x"})),
        ("a.zip", zipped({"fine": b"", "/etc/out": b"x"})),
        ("a.zip", zipped({"fine": b"", "C:/out": b"x"})),
        ("a.zip", zipped({"fine": b"", "..\\out": b"x"})),
        ("a.zip", zip_with_link()),
        ("a.zip", zipped({"fine": b"", "inner.tar": tarred({"../../out": b"x"}, "w")})),
        ("a.tar", tarred({"fine": b"", "../out": b"x"}, "w")),
        ("a.tar", tarred({"fine": b"", "/etc/out": b"x"}, "w")),
        ("a.tgz", tarred({"fine": b""}, "w:gz", link(tarfile.SYMTYPE))),
        ("a.tgz", tarred({"fine": b""}, "w:gz", link(tarfile.LNKTYPE, target="../out"))),
        ("a.tgz", tarred({"fine": b""}, "w:gz", link(tarfile.CHRTYPE))),
    ],
    ids=without_bytes,
)
def test_an_archive_with_a_trap_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path / name, content))
    assert caught.value.problems[0].code == "unsafe-archive"
    assert not (tmp_path.parent / "out").exists()


def test_an_archive_with_a_trap_gives_none_of_its_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", zipped({"fine": b"", "../out": b"x"}))
    given = members(path, scratch=tmp_path)
    with pytest.raises(DataError, match=r"\.\./out"):
        next(given)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.zip", b"no archive", "no-archive"),
        ("a.zip", None, "no-archive"),
        ("a.zip", zipped(FILES)[:-1].replace(b"three", b"THREE"), "broken-archive"),
        ("a.tgz", tarred({"a": bytes(range(256)) * 400})[:300], "broken-archive"),
        ("a.zip", zipped({"inner.tgz": b"damaged"}), "no-archive"),
    ],
    ids=without_bytes,
)
def test_a_missing_or_damaged_archive_is_named(
    tmp_path: Path, name: str, content: bytes | None, code: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.problems[0].code == code


def test_a_file_whose_bytes_changed_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt", b"the true words")
    path = write(tmp_path / "a.zip", content.getvalue().replace(b"true", b"fake"))
    with pytest.raises(DataError, match="CRC"):
        read(path)
