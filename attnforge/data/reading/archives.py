"""Reads the files of folders and archives, nested archives included, and refuses unsafe archives."""

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
MAX_NESTING = 3
"""Archives within each other that are unpacked."""
CHUNK_BYTES = 1 << 20
BASE_ALLOWANCE_BYTES = 64 << 20
"""Any archive may unpack to so many bytes."""
MAX_EXPANSION = 50
"""Beyond that, an archive may unpack to this multiple of its size: text reaches ten, images one."""
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
"""What the standard library raises for archives that are truncated, encrypted or of an unknown kind."""


class _Budget:
    """How many bytes an archive may still unpack to, nested archives included."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.limit = BASE_ALLOWANCE_BYTES + MAX_EXPANSION * source.stat().st_size
        self.left = self.limit

    def spend(self, size: int) -> None:
        """Account for bytes that are about to be unpacked.

        Raises:
            DataError: the budget is exceeded.
        """
        self.left -= size
        if self.left < 0:
            message = f"it unpacks to more than {self.limit:,} bytes, which no data set does"
            expected = f"an archive that holds at most {MAX_EXPANSION} times its own size"
            raise DataError(Problem("unsafe-archive", message, Place(str(self.source)), expected))


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of a folder or an archive."""

    name: str
    """Its path with forward slashes, starting with the name of the folder or archive."""
    source: Path
    """The file itself, or the archive that it is packed in."""
    content: Callable[[], Iterator[bytes]]
    """Its bytes, in chunks; read them before the next member."""


def members(source: Path, *, scratch: Path) -> Iterator[Member]:
    """Every regular file of a folder or archive, and of the archives in it.

    Args:
        source: A folder, or a .zip or .tar file, compressed or not.
        scratch: An empty folder for nested archives.

    Raises:
        DataError: the file is missing, damaged or not an archive, or it holds a path that leads out of it, an
            absolute path, a link, a device, or two files of the same name; then no member of it was yielded.
            Or it unpacks to far more than its size, which is found while unpacking.
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
        if not ARCHIVE.search(member.name) or depth == MAX_NESTING:
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
        message = f"{source} does not exist"
        raise DataError(Problem("no-archive", message, Place(str(source)), EXPECTED)) from error


def _of_archive(source: Path, prefix: str, budget: _Budget) -> Iterator[Member]:
    try:
        zipped = zipfile.is_zipfile(source)
        with source.open("rb") as opened:
            has_zip_header = opened.read(4) == b"PK\3\4"
        if has_zip_header and not zipped:
            raise zipfile.BadZipFile("the file is truncated: its list of files is missing")
        if not zipped and not tarfile.is_tarfile(source):
            message = f"{source} is not an archive"
            raise DataError(Problem("no-archive", message, Place(str(source)), EXPECTED))
        yield from _of_zip(source, prefix, budget) if zipped else _of_tar(source, prefix, budget)
    except BROKEN as error:
        raise _broken(source, error) from error


def _of_folder(source: Path, prefix: str) -> Iterator[Member]:
    seen = set[str]()
    for folder, folders, names in os.walk(source, followlinks=True):
        # a folder that is linked into itself would never end
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in folders if name[0] != "."}
        folders[:] = sorted(name for name, path in real.items() if path not in seen)
        seen.update(real.values())
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                inner = path.relative_to(source).as_posix()
                yield Member(f"{prefix}/{inner}", path, _reader(path, partial(_plain, path), None))


def _of_zip(source: Path, prefix: str, budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            _refuse_unsafe_path(source, entry.filename, linked=kind not in (0, stat.S_IFREG))
        _refuse_duplicates(source, [entry.filename for entry in entries])
        for entry in entries:
            name = f"{prefix}/{entry.filename.replace(chr(92), '/')}"
            yield Member(name, source, _reader(source, partial(archive.open, entry), budget))


def _of_tar(source: Path, prefix: str, budget: _Budget) -> Iterator[Member]:
    with tarfile.open(source) as archive:
        entries = []
        for entry in archive:
            # to reach the next header, everything before it was decompressed
            if archive.offset > budget.left:
                budget.spend(archive.offset)
            if not entry.isdir():
                _refuse_unsafe_path(source, entry.name, linked=not entry.isfile())
                entries.append(entry)
        _refuse_duplicates(source, [entry.name for entry in entries])
        for entry in entries:
            opener = partial(_packed, archive, entry)
            yield Member(f"{prefix}/{entry.name}", source, _reader(source, opener, budget))


def _plain(path: Path) -> AbstractContextManager[IO[bytes]]:
    return path.open("rb")


def _packed(archive: tarfile.TarFile, member: tarfile.TarInfo) -> AbstractContextManager[IO[bytes]]:
    opened = archive.extractfile(member)
    if opened is None:
        raise tarfile.ReadError(f"{member.name} cannot be read")
    return opened


def _refuse_unsafe_path(source: Path, name: str, *, linked: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    absolute = path.is_absolute() or re.match(r"[A-Za-z]:", name) is not None
    if linked or absolute or ".." in path.parts:
        what = "a link or a device" if linked else "a path that leads out of the archive"
        message = f"it holds {what}: {name}; nothing was unpacked"
        expected = "an archive of regular files below one folder"
        raise DataError(Problem("unsafe-archive", message, Place(str(source)), expected))


def _refuse_duplicates(source: Path, names: Sequence[str]) -> None:
    """Refuse two files of the same name, of which the second would silently replace the first."""
    counts = Counter(PurePosixPath(name.replace("\\", "/")).as_posix() for name in names)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count > 1:
        message = f"it holds {count} files named {name}; nothing was unpacked"
        expected = "an archive with one file of each name"
        raise DataError(Problem("unsafe-archive", message, Place(str(source)), expected))


def _reader(
    source: Path, opener: Callable[[], AbstractContextManager[IO[bytes]]], budget: _Budget | None
) -> Callable[[], Iterator[bytes]]:
    def content() -> Iterator[bytes]:
        try:
            with opener() as opened:
                while piece := opened.read(CHUNK_BYTES):
                    if budget is not None:
                        budget.spend(len(piece))
                    yield piece
        except BROKEN as error:
            raise _broken(source, error) from error

    return content


def _broken(source: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    message = f"{source} cannot be read: {reason}"
    return DataError(Problem("broken-archive", message, Place(str(source)), "an intact archive"))
