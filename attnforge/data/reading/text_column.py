"""Many strings in one buffer, which forked processes share.

A list of a million strings costs sixty bytes for each besides its letters, and every process that reads it
writes the counts of references, so that the system copies its pages. A buffer of letters is only read.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, overload

import numpy as np
from jaxtyping import Int64, UInt8

BLOCK_TEXTS = 4096
"""Strings that are decoded at once when all are read."""
_ENCODING = ("utf-8", "surrogatepass")


class TextColumn(Sequence[str]):
    """A sequence of strings.

    Args:
        content: All strings in UTF-8, one after the other.
        ends: Where each string ends in `content`, after a leading 0.
    """

    def __init__(self, content: UInt8[np.ndarray, " bytes"], ends: Int64[np.ndarray, " ends"]) -> None:
        self.content = content
        self.ends = ends
        # memoryviews return Python's own numbers and slices, several times faster than numpy
        self._bytes = content.data
        self._ends = ends.data

    @classmethod
    def of(cls, texts: Iterable[str]) -> TextColumn:
        """The column of some strings."""
        builder = TextColumnBuilder()
        builder.extend(texts)
        return builder.built()

    @classmethod
    def joined(cls, columns: Sequence[TextColumn]) -> TextColumn:
        """The strings of several columns, one after the other."""
        content = np.concatenate([column.content for column in columns])
        return TextColumn(content, joined_ends([column.ends for column in columns]))

    def __reduce__(self) -> tuple[Any, ...]:
        return TextColumn, (self.content, self.ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            texts = self.between(start, max(start, stop)) if step > 0 else ()
            return texts[::step] if step > 0 else tuple(self[i] for i in range(start, stop, step))
        count = len(self.ends) - 1
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(f"text {index} of {count}")
        return str(self._bytes[self._ends[index] : self._ends[index + 1]], *_ENCODING)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BLOCK_TEXTS):
            yield from self.between(start, min(start + BLOCK_TEXTS, len(self)))

    def between(self, start: int, stop: int) -> tuple[str, ...]:
        """The strings `start` to `stop`, decoded at once."""
        first = self._ends[start]
        block = bytes(self._bytes[first : self._ends[stop]])
        ends = self._ends[start : stop + 1].tolist()
        if block.isascii():
            text = block.decode("ascii")
            return tuple([text[a - first : b - first] for a, b in pairwise(ends)])
        return tuple([block[a - first : b - first].decode(*_ENCODING) for a, b in pairwise(ends)])


def joined_ends(parts: Sequence[Int64[np.ndarray, " _"]]) -> Int64[np.ndarray, " ends"]:
    """The ends of parts that follow each other, after a leading 0."""
    offsets = np.cumsum([0, *(part[-1] for part in parts)])
    return np.concatenate([[0], *(part[1:] + offset for part, offset in zip(parts, offsets, strict=False))])


class TextColumnBuilder:
    """Collects strings for a column."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._ends = array("q", [0])
        self._pending: list[str] = []

    def __len__(self) -> int:
        return len(self._ends) - 1 + len(self._pending)

    def append(self, text: str) -> None:
        """Add a string."""
        self._pending.append(text)
        if len(self._pending) >= BLOCK_TEXTS:
            self._encode_pending()

    def extend(self, texts: Iterable[str]) -> None:
        """Add strings."""
        self._pending.extend(texts)
        if len(self._pending) >= BLOCK_TEXTS:
            self._encode_pending()

    def built(self) -> TextColumn:
        """The column; nothing can be added afterwards."""
        self._encode_pending()
        return TextColumn(
            np.frombuffer(self._content, dtype=np.uint8), np.frombuffer(self._ends, dtype=np.int64)
        )

    def _encode_pending(self) -> None:
        """Encode many strings at once, which is several times faster than one by one."""
        encoded = "".join(self._pending).encode(*_ENCODING)
        start, texts = len(self._content), self._pending
        ascii_only = len(encoded) == sum(map(len, texts))
        lengths = map(len, texts) if ascii_only else [len(text.encode(*_ENCODING)) for text in texts]
        ends = accumulate(lengths, initial=start)
        next(ends)
        self._ends.extend(ends)
        self._content += encoded
        self._pending = []
