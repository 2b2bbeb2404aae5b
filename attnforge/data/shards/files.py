"""The bytes of a shard, in a local file or in any file system that fsspec knows."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from attnforge.errors import DataError, Place, Problem

MAX_OPEN_SHARDS = 128
"""Local shards that a process keeps open; systems allow a thousand files."""


@runtime_checkable
class ShardFile(Protocol):
    """A file of bytes that can be read anywhere."""

    @property
    def name(self) -> str:
        """Its path or address, for messages."""
        ...

    def size(self) -> int:
        """Its size.

        Raises:
            OSError: there is no such file, or it cannot be read.
        """
        ...

    def modified(self) -> int:
        """When it was written, in nanoseconds; 0 where that is unknown.

        Raises:
            OSError: there is no such file.
        """
        ...

    def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes from `start` on; fewer at the end of the file.

        Raises:
            OSError: they cannot be read.
        """
        ...

    def content(self) -> bytes:
        """All bytes of a small file.

        Raises:
            OSError: they cannot be read.
        """
        ...

    def sibling(self, name: str) -> ShardFile:
        """The file of a name beside this one."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def size(self) -> int:
        return self.path.stat().st_size

    def modified(self) -> int:
        return self.path.stat().st_mtime_ns

    def read(self, start: int, size: int) -> bytes:
        return os.pread(_handle(self.path, self.path.stat().st_ino).number, size, start)

    def content(self) -> bytes:
        return self.path.read_bytes()

    def sibling(self, name: str) -> LocalFile:
        return LocalFile(self.path.with_name(name))


class _Handle:
    """An open file, closed when nobody refers to it; forked processes may share it."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


@lru_cache(maxsize=MAX_OPEN_SHARDS)
def _handle(path: Path, inode: int) -> _Handle:
    """The open file of a path; another one once another file has replaced it."""
    return _Handle(path)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file with an address, such as `s3://bucket/shard-000000.tar`."""

    url: str

    @property
    def name(self) -> str:
        return self.url

    def size(self) -> int:
        system, path = self._located()
        return int(system.size(path))

    def modified(self) -> int:
        return 0

    def read(self, start: int, size: int) -> bytes:
        system, path = self._located()
        content: bytes = system.cat_file(path, start=start, end=start + size)
        return content

    def content(self) -> bytes:
        system, path = self._located()
        content: bytes = system.cat_file(path)
        return content

    def sibling(self, name: str) -> RemoteFile:
        return RemoteFile(f"{self.url.rpartition('/')[0]}/{name}")

    def _located(self) -> tuple[Any, str]:
        return file_system(self.url)


def file_system(url: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        DataError: fsspec, or the package that it needs for such addresses, is not installed.
    """
    scheme = url.partition("://")[0]
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        message = f"addresses of the form {scheme}:// cannot be read: {error}"
        expected = "a folder of this machine, or the package that fsspec needs for such addresses"
        step = "pip install 'attnforge[remote]'" if isinstance(error, ImportError) else None
        raise DataError(Problem("no-file-system", message, Place(url), expected, step)) from error
    return system, str(path)


class Span(io.RawIOBase):
    """Some bytes of a shard as a stream.

    Args:
        file: The shard.
        start: Where they begin.
        size: How many they are.
    """

    def __init__(self, file: ShardFile, start: int, size: int) -> None:
        self._file, self._start, self._size, self._place = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        content = self._next(len(view))
        view[: len(content)] = content
        return len(content)

    def readall(self) -> bytes:
        return self._next(self._size)

    def _next(self, size: int) -> bytes:
        left = max(0, min(size, self._size - self._place))
        content = self._file.read(self._start + self._place, left) if left else b""
        if len(content) < left:
            raise EOFError(f"{self._file.name} ends in the middle of it")
        self._place += len(content)
        return content
