"""Reads the files of folders and archives, archives within them too, and refuses archives with traps."""

from __future__ import annotations

import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
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
            of it, an absolute one, a link or a device. Then nothing of that archive has been given.
    """
    return _members(source, ARCHIVE.sub("", source.resolve().name), scratch, 1)


def _members(source: Path, prefix: str, scratch: Path, depth: int) -> Iterator[Member]:
    for member in _unnested(source, prefix):
        if not ARCHIVE.search(member.name) or depth == DEEPEST:
            yield member
            continue
        inner = member.source
        if not source.is_dir():
            inner = scratch / f"{depth}-{PurePosixPath(member.name).name}"
            with inner.open("wb") as packed:
                packed.writelines(member.content())
        yield from _members(inner, ARCHIVE.sub("", member.name), scratch, depth + 1)
        if inner != member.source:
            inner.unlink()


def _unnested(source: Path, prefix: str) -> Iterator[Member]:
    if source.is_dir():
        yield from _of_folder(source, prefix)
        return
    try:
        zipped = zipfile.is_zipfile(source)
        with source.open("rb") as opened:
            begun = opened.read(4) == b"PK\3\4"
        if begun and not zipped:
            raise zipfile.BadZipFile("it is cut short, its list of files is missing")
        if not zipped and not tarfile.is_tarfile(source):
            message = f"{source} is no archive"
            raise DataError(Problem("no-archive", message, Place(str(source)), EXPECTED))
        yield from _of_zip(source, prefix) if zipped else _of_tar(source, prefix)
    except FileNotFoundError as error:
        message = f"there is no {source}"
        raise DataError(Problem("no-archive", message, Place(str(source)), EXPECTED)) from error
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
                yield Member(f"{prefix}/{inner}", path, _reader(path, partial(_plain, path)))


def _of_zip(source: Path, prefix: str) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        plain = [one for one in archive.infolist() if not one.is_dir()]
        for one in plain:
            kind = stat.S_IFMT(one.external_attr >> 16)
            _refuse_trap(source, one.filename, linked=kind not in (0, stat.S_IFREG))
        for one in plain:
            name = f"{prefix}/{one.filename.replace(chr(92), '/')}"
            yield Member(name, source, _reader(source, partial(archive.open, one)))


def _of_tar(source: Path, prefix: str) -> Iterator[Member]:
    with tarfile.open(source) as archive:
        plain = [one for one in archive.getmembers() if not one.isdir()]
        for one in plain:
            _refuse_trap(source, one.name, linked=not one.isfile())
        for one in plain:
            yield Member(f"{prefix}/{one.name}", source, _reader(source, partial(_packed, archive, one)))


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


def _reader(
    source: Path, opener: Callable[[], AbstractContextManager[IO[bytes]]]
) -> Callable[[], Iterator[bytes]]:
    def content() -> Iterator[bytes]:
        try:
            with opener() as opened:
                while piece := opened.read(CHUNK):
                    yield piece
        except BROKEN as error:
            raise _broken(source, error) from error

    return content


def _broken(source: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    message = f"{source} cannot be read: {reason}"
    return DataError(Problem("broken-archive", message, Place(str(source)), "a whole archive"))
