"""Archives that would unpack to far more than their size, or hold one file twice, are refused in time."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attnforge.data.reading import archives
from attnforge.data.reading.archives import members
from attnforge.data.reading.metadata import read_metadata
from attnforge.data.reading.preparing import Layout, prepare
from attnforge.errors import DataError

ZEROS = bytes(1 << 20)
LAYOUT = Layout(name="texts", read=read_metadata, rules=((r"([^/]+\.txt)$", r"\1"),), parts="texts")


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of the doubled name
        for name, data in files:
            archive.writestr(name, data)
    return content.getvalue()


def tarred(files: list[tuple[str, bytes]]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:xz") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def pieces(path: Path) -> Iterator[bytes]:
    scratch = path.parent / "scratch"
    scratch.mkdir()
    for member in members(path, scratch=scratch):
        yield from member.content()


def unpacked(path: Path) -> int:
    """How many bytes are unpacked until the archive is refused."""
    sizes: list[int] = []
    with pytest.raises(DataError, match="unpacks to more than") as caught:
        sizes.extend(map(len, pieces(path)))
    assert caught.value.problems[0].code == "unsafe-archive"
    return sum(sizes)


@pytest.mark.parametrize(
    "pack",
    [
        lambda: zipped([("zeros.txt", 30 * ZEROS)]),
        lambda: tarred([("zeros.txt", 30 * ZEROS)]),
        lambda: zipped([(f"{number}.zip", zipped([("zeros.txt", 3 * ZEROS)])) for number in range(10)]),
        lambda: zipped([("inner.tar.xz", tarred([("zeros.txt", 30 * ZEROS)]))]),
    ],
    ids=["zip", "tar", "zips-in-a-zip", "tar-in-a-zip"],
)
def test_a_bomb_is_stopped_at_its_bound(
    pack: Callable[[], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "BASE_ALLOWANCE_BYTES", 4 << 20)
    path = tmp_path / "a.zip"
    path.write_bytes(pack())
    assert unpacked(path) <= archives.BASE_ALLOWANCE_BYTES + archives.MAX_EXPANSION * path.stat().st_size


def test_an_archive_of_texts_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "BASE_ALLOWANCE_BYTES", 0)
    captions = "".join(f"a bird with {number} red feathers\n" for number in range(20_000)).encode()
    path = tmp_path / "a.zip"
    path.write_bytes(zipped([("captions.txt", captions)]))
    contents = [b"".join(member.content()) for member in members(path, scratch=tmp_path)]
    assert contents == [captions]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_two_files_of_one_name_are_refused(
    pack: Callable[[list[tuple[str, bytes]]], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(pack([("a.txt", b"one"), ("b.txt", b""), ("a.txt", b"two")]))
    with pytest.raises(DataError, match=r"2 files named a\.txt") as caught:
        next(members(path, scratch=tmp_path))
    assert caught.value.problems[0].code == "unsafe-archive"


def test_two_different_files_for_one_place_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped([("old/a.txt", b"one"), ("new/a.txt", b"two")]))
    with pytest.raises(DataError, match=r"two different files for a\.txt"):
        list(prepare(LAYOUT, [path], tmp_path / "root"))


def test_the_same_file_twice_does_no_harm(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_bytes(b"one")
    (source / "a.zip").write_bytes(zipped([("a.txt", b"one")]))
    assert list(prepare(LAYOUT, [source], tmp_path / "root")) == ["a.txt", "a.txt"]
