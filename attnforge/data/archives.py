"""Reads the files of folders and archives, archives within them too, and refuses archives with traps."""

from __future__ import annotations

import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from attnforge.errors import DataError, Place, Problem

ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.(gz|bz2|xz))$", flags=re.IGNORECASE)
EXPECTED = "a folder, or a .zip, .tar, .tgz, .tar.gz, .tar.bz2 or .tar.xz file"
DEEPEST = 3
"""How many archives may lie within each other."""
CHUNK = 1 << 20
SMALL = 64 << 20
"""Bytes that any archive may unpack to."""
GROWTH = 50
"""How many times its size an archive may unpack to beyond that: texts reach ten, images one."""
BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)
"""What the standard library raises on archives that are cut short, locked or of an unknown kind."""


class _Budget:
    """How many bytes an archive may still unpack to, the archives in it included."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.most = SMALL + GROWTH * source.stat().st_size
        self.left = self.most

    def spend(self, size: int) -> None:
        """Take note of bytes that are about to be unpacked.

        Raises:
            DataError: they are more than are left.
        """
        self.left -= size
        if self.left < 0:
            message = f"it unpacks to more than {self.most:,} bytes, which no data set does"
            expected = f"an archive that holds at most {GROWTH} times its own size"
            raise DataError(Problem("unsafe-archive", message, Place(str(self.source)), expected))


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file of a folder or an archive."""

    name: str
    """Its path with forward slashes, which starts with the name of the folder or archive."""
    source: Path
    """The file itself, or the archive that it is packed in."""
    content: Callable[[], Iterator[bytes]]
    """Its bytes, piece by piece; read them before the next member is asked for."""


def members(source: Path, *, scratch: Path) -> Iterator[Member]:
    """Every plain file of a folder or archive, and of the archives in it.

    Args:
        source: A folder, or a .zip or .tar file, compressed or not.
        scratch: An empty folder for archives that lie in others.

    Raises:
        DataError: there is no such file, it is no archive, it is damaged, or it holds a path that leads out
            of it, an absolute one, a link, a device, or two files of one name. Then nothing of that archive
            has been given. Or it unpacks to far more than its size, which is told when it has come so far.
    """
    return _members(source, ARCHIVE.sub("", source.resolve().name), scratch, 1, None)


def _members(
    source: Path, prefix: str, scratch: Path, depth: int, budget: _Budget | None
) -> Iterator[Member]:
    if source.is_dir():
        unnested = _of_folder(source, prefix)
    else:
        budget = budget or _budget(source)
        unnested = _of_archive(source, prefix, budget)
    for member in unnested:
        if not ARCHIVE.search(member.name) or depth == DEEPEST:
            yield member
            continue
        inner = member.source
        if not source.is_dir():
            inner = scratch / f"{depth}-{PurePosixPath(member.name).name}"
            with inner.open("wb") as packed:
                packed.writelines(member.content())
        yield from _members(inner, ARCHIVE.sub("", member.name), scratch, depth + 1, budget)
        if inner != member.source:
            inner.unlink()


def _budget(source: Path) -> _Budget:
    try:
        return _Budget(source)
    except FileNotFoundError as error:
        message = f"there is no {source}"
        raise DataError(Problem("no-archive", message, Place(str(source)), EXPECTED)) from error


def _of_archive(source: Path, prefix: str, budget: _Budget) -> Iterator[Member]:
    try:
        zipped = zipfile.is_zipfile(source)
        with source.open("rb") as opened:
            begun = opened.read(4) == b"PK\3\4"
        if begun and not zipped:
            raise zipfile.BadZipFile("it is cut short, its list of files is missing")
        if not zipped and not tarfile.is_tarfile(source):
            message = f"{source} is no archive"
            raise DataError(Problem("no-archive", message, Place(str(source)), EXPECTED))
        yield from _of_zip(source, prefix, budget) if zipped else _of_tar(source, prefix, budget)
    except BROKEN as error:
        raise _broken(source, error) from error


def _of_folder(source: Path, prefix: str) -> Iterator[Member]:
    seen = set[str]()
    for folder, folders, names in os.walk(source, followlinks=True):
        # a folder that is linked into itself would never end
        real = {one: os.path.realpath(os.path.join(folder, one)) for one in folders if one[0] != "."}
        folders[:] = sorted(one for one, path in real.items() if path not in seen)
        seen.update(real.values())
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                inner = path.relative_to(source).as_posix()
                yield Member(f"{prefix}/{inner}", path, _reader(path, partial(_plain, path), None))


def _of_zip(source: Path, prefix: str, budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        plain = [one for one in archive.infolist() if not one.is_dir()]
        for one in plain:
            kind = stat.S_IFMT(one.external_attr >> 16)
            _refuse_trap(source, one.filename, linked=kind not in (0, stat.S_IFREG))
        _refuse_doubled(source, [one.filename for one in plain])
        for one in plain:
            name = f"{prefix}/{one.filename.replace(chr(92), '/')}"
            yield Member(name, source, _reader(source, partial(archive.open, one), budget))


def _of_tar(source: Path, prefix: str, budget: _Budget) -> Iterator[Member]:
    with tarfile.open(source) as archive:
        plain = []
        for one in archive:
            # to reach the next header, everything before it was unpacked
            if archive.offset > budget.left:
                budget.spend(archive.offset)
            if not one.isdir():
                _refuse_trap(source, one.name, linked=not one.isfile())
                plain.append(one)
        _refuse_doubled(source, [one.name for one in plain])
        for one in plain:
            opener = partial(_packed, archive, one)
            yield Member(f"{prefix}/{one.name}", source, _reader(source, opener, budget))


def _plain(path: Path) -> AbstractContextManager[IO[bytes]]:
    return path.open("rb")


def _packed(archive: tarfile.TarFile, member: tarfile.TarInfo) -> AbstractContextManager[IO[bytes]]:
    opened = archive.extractfile(member)
    if opened is None:
        raise tarfile.ReadError(f"{member.name} cannot be read")
    return opened


def _refuse_trap(source: Path, name: str, *, linked: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    absolute = path.is_absolute() or re.match(r"[A-Za-z]:", name) is not None
    if linked or absolute or ".." in path.parts:
        what = "a link or a device" if linked else "a path that leads out of the archive"
        message = f"it holds {what}: {name}; nothing of it was unpacked"
        expected = "an archive of plain files below one folder"
        raise DataError(Problem("unsafe-archive", message, Place(str(source)), expected))


def _refuse_doubled(source: Path, names: Sequence[str]) -> None:
    """Refuse two files of one name, of which the second would replace the first without a word."""
    counts = Counter(PurePosixPath(name.replace("\\", "/")).as_posix() for name in names)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count > 1:
        message = f"it holds {count} files named {name}; nothing of it was unpacked"
        expected = "an archive with one file of each name"
        raise DataError(Problem("unsafe-archive", message, Place(str(source)), expected))


def _reader(
    source: Path, opener: Callable[[], AbstractContextManager[IO[bytes]]], budget: _Budget | None
) -> Callable[[], Iterator[bytes]]:
    def content() -> Iterator[bytes]:
        try:
            with opener() as opened:
                while piece := opened.read(CHUNK):
                    if budget is not None:
                        budget.spend(len(piece))
                    yield piece
        except BROKEN as error:
            raise _broken(source, error) from error

    return content


def _broken(source: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    message = f"{source} cannot be read: {reason}"
    return DataError(Problem("broken-archive", message, Place(str(source)), "a whole archive"))
