"""The regular files of a tar file and where their bytes are; nothing is extracted, and tricks are refused."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from attnforge.data.shards.files import ShardFile, Span
from attnforge.errors import DataError, Place, Problem

BLOCK_BYTES = tarfile.BLOCKSIZE
BUFFER_BYTES = 1 << 16
MAX_HEADER_BYTES = 1 << 16
"""Of an extended header, which holds a long name."""
ZEROS = bytes(BLOCK_BYTES)
EXPECTED = "a tar file of regular files, as WebDataset and `attnforge data shard` write it"
REFUSED_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.CONTTYPE: "a contiguous file",
}
_PAX_RECORD = re.compile(rb"(\d{1,20}) ([^=]{1,256})=")


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file of a tar file."""

    name: str
    start: int
    """Where its bytes begin in the tar file."""
    size: int


def tar_members(file: ShardFile) -> Iterator[TarMember]:
    """Every regular file of a tar file, in order; of the files themselves nothing is read.

    Raises:
        DataError: it is not a tar file or truncated, a member is a link, a device, sparse, or leads outside,
            two have the same name, or one claims more bytes than the file has.
        OSError: the file cannot be read.
    """
    size, place = file.size(), 0
    stream = io.BufferedReader(Span(file, 0, size), BUFFER_BYTES)
    names, long_name, long_size = set[str](), None, None
    while True:
        stream.seek(place)
        block = stream.read(BLOCK_BYTES)
        if block == ZEROS:
            return
        if len(block) < BLOCK_BYTES:
            raise _broken(file, "it ends without the mark of its end")
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.TarError as error:
            raise _broken(file, f"byte {place:,} is not the header of a member ({error})") from error
        start = place + BLOCK_BYTES
        if info.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
            content = _extended(file, stream, info, start, size)
            if info.type == tarfile.XHDTYPE:
                long_name, long_size = _pax(file, content, long_name)
            elif info.type == tarfile.GNUTYPE_LONGNAME:
                long_name = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
            place = start + _padded(info.size)
            continue
        name = info.name if long_name is None else long_name
        content_size = info.size if long_size is None else long_size
        long_name = long_size = None
        if info.type != tarfile.DIRTYPE:
            _refuse(file, info.type, name, names)
            if content_size < 0 or start + content_size > size:
                claim = f"{name} claims {content_size:,} bytes, more than the file has"
                raise _broken(file, f"{claim}: it is truncated or forged")
            names.add(name)
            yield TarMember(name, start, content_size)
            place = start + _padded(content_size)
        else:
            place = start


def _refuse(file: ShardFile, kind: bytes, name: str, names: set[str]) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if kind not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        reason = f"{name!r} is {REFUSED_KINDS.get(kind, f'of the unknown kind {kind!r}')}"
    elif path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        reason = f"{name!r} leads out of it"
    elif name in names:
        reason = f"it has two members named {name!r}"
    else:
        return
    message = f"{file.name} is not read: {reason}"
    raise DataError(Problem("unsafe-shard", message, Place(file.name), EXPECTED))


def _extended(
    file: ShardFile, stream: io.BufferedIOBase, info: tarfile.TarInfo, start: int, size: int
) -> bytes:
    if not 0 <= info.size <= MAX_HEADER_BYTES or start + info.size > size:
        raise _broken(file, f"an extended header claims {info.size:,} bytes")
    stream.seek(start)
    return stream.read(info.size)


def _pax(file: ShardFile, content: bytes, name: str | None) -> tuple[str | None, int | None]:
    """The name and the size in an extended header."""
    place, size = 0, None
    while place < len(content.rstrip(b"\0")):
        record = _PAX_RECORD.match(content, place)
        end = place + int(record[1]) if record else 0
        if record is None or not record.end() < end <= len(content) or content[end - 1 : end] != b"\n":
            raise _broken(file, "an extended header is malformed")
        value = content[record.end() : end - 1]
        if record[2] == b"path":
            name = value.decode("utf-8", "surrogateescape")
        elif record[2] == b"size":
            if not value.isdigit():
                raise _broken(file, "an extended header is malformed")
            size = int(value)
        elif record[2].startswith(b"GNU.sparse"):
            _refuse(file, tarfile.GNUTYPE_SPARSE, name or "a member", set())
        place = end
    return name, size


def _padded(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _broken(file: ShardFile, reason: str) -> DataError:
    return DataError(
        Problem("broken-shard", f"{file.name} cannot be read: {reason}", Place(file.name), EXPECTED)
    )
