"""The images of a data set as rows, stored in columns that all processes of a run share."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from jaxtyping import Float64, Int32, Int64, UInt8

from attnforge.data.reading.text_column import TextColumn, TextColumnBuilder, joined_ends

NO_CLASS = -1
NO_LINE = 0
_NO_BOX = (float("nan"),) * 4

Name = TypeVar("Name", str, Path)
Codes = TypeVar("Codes", bound=np.ndarray)


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a data set."""

    file_name: str
    """Its path below the folder, with forward slashes."""
    captions: tuple[str, ...]
    """With whitespace stripped and collapsed; at least one."""
    class_id: int | None
    box: tuple[float, float, float, float] | None
    """Left, top, width and height in pixels of the object in the image."""
    split: str | None
    line: int | None
    """Its line in the metadata file, from 1; None in a file without lines."""
    source: Path | None = None
    """The file that names it, where that is not the metadata's only one."""


@dataclass(frozen=True, eq=False)
class Rows(Sequence[Row]):
    """Rows in columns: a million of them with five captions each take the bytes of their text and 100 MB."""

    file_names: TextColumn
    captions: TextColumn
    """All captions of all rows."""
    caption_ends: Int64[np.ndarray, " ends"]
    """Where the captions of each row end in `captions`, after a leading 0."""
    class_ids: Int64[np.ndarray, " rows"]
    """`NO_CLASS` where a row has none."""
    boxes: Float64[np.ndarray, " boxed 4"] | None
    """Not a number where a row has none; None where no row has one."""
    split_codes: UInt8[np.ndarray, " rows"]
    """Which of `splits` a row belongs to, from 1; 0 for none."""
    splits: tuple[str, ...]
    lines: Int64[np.ndarray, " rows"]
    """`NO_LINE` where a row has none."""
    source_codes: Int32[np.ndarray, " rows"]
    """Which of `sources` names a row, from 1; 0 for the metadata's only one."""
    sources: tuple[Path, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """The columns of some rows."""
        if isinstance(rows, Rows):
            return rows
        builder = RowsBuilder()
        for row in rows:
            builder.append(row)
        return builder.built()

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of several columns, one after the other."""
        if not parts:
            return cls.of(())
        splits = tuple(dict.fromkeys(split for part in parts for split in part.splits))
        sources = tuple(dict.fromkeys(source for part in parts for source in part.sources))
        boxed = any(part.boxes is not None for part in parts)
        return cls(
            file_names=TextColumn.joined([part.file_names for part in parts]),
            captions=TextColumn.joined([part.captions for part in parts]),
            caption_ends=joined_ends([part.caption_ends for part in parts]),
            class_ids=np.concatenate([part.class_ids for part in parts]),
            boxes=np.concatenate([part._all_boxes() for part in parts]) if boxed else None,
            split_codes=np.concatenate([_recoded(p.split_codes, p.splits, splits) for p in parts]),
            splits=splits,
            lines=np.concatenate([part.lines for part in parts]),
            source_codes=np.concatenate([_recoded(p.source_codes, p.sources, sources) for p in parts]),
            sources=sources,
        )

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        class_id, split, line = self.class_ids[index], self.split_codes[index], self.lines[index]
        source = self.source_codes[index]
        return Row(
            self.file_names[index],
            self.captions_of(index),
            None if class_id == NO_CLASS else int(class_id),
            self.box(index),
            self.splits[split - 1] if split else None,
            int(line) if line else None,
            self.sources[source - 1] if source else None,
        )

    def __iter__(self) -> Iterator[Row]:
        return (self[index] for index in range(len(self)))

    def captions_of(self, index: int) -> tuple[str, ...]:
        """The captions of one row."""
        if not 0 <= index < len(self.lines):
            raise IndexError(f"row {index} of {len(self.lines)}")
        ends = self._caption_ends
        return self.captions.between(ends[index], ends[index + 1])

    @cached_property
    def _caption_ends(self) -> memoryview:
        """Read as Python's own numbers, several times faster than numpy's."""
        return self.caption_ends.data

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def box(self, index: int) -> tuple[float, float, float, float] | None:
        """The box of one row."""
        if self.boxes is None or np.isnan(self.boxes[index, 0]):
            return None
        left, top, width, height = self.boxes[index].tolist()
        return left, top, width, height

    def _all_boxes(self) -> Float64[np.ndarray, " rows 4"]:
        return np.full((len(self), 4), np.nan) if self.boxes is None else self.boxes

    def split_counts(self) -> Counter[str]:
        """How many rows each split has."""
        counts = np.bincount(self.split_codes, minlength=len(self.splits) + 1)[1:].tolist()
        return Counter({name: count for name, count in zip(self.splits, counts, strict=True) if count})

    def of_split(self, split: str) -> Int64[np.ndarray, " chosen"]:
        """The indices of the rows of a split, in order."""
        code = self.splits.index(split) + 1 if split in self.splits else len(self.splits) + 1
        return np.flatnonzero(self.split_codes == code)

    def with_split_codes(self, codes: UInt8[np.ndarray, " rows"], splits: tuple[str, ...]) -> Rows:
        """The same rows in other splits."""
        return replace(self, split_codes=codes, splits=splits)


class RowsBuilder:
    """Collects rows for columns."""

    def __init__(self) -> None:
        self._file_names, self._captions = TextColumnBuilder(), TextColumnBuilder()
        self._caption_ends, self._lines = array("q", [0]), array("q")
        self._class_ids, self._boxes = array("q"), array("d")
        self._split_codes, self._source_codes = bytearray(), array("i")
        self._splits: dict[str, int] = {}
        self._sources: dict[Path, int] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, row: Row) -> None:
        """Add a row."""
        if row.box is not None and not self._boxes:
            self._boxes.extend(_NO_BOX * len(self))
        if row.box is not None or self._boxes:
            self._boxes.extend(row.box or _NO_BOX)
        self._file_names.append(row.file_name)
        self._captions.extend(row.captions)
        self._caption_ends.append(len(self._captions))
        self._class_ids.append(NO_CLASS if row.class_id is None else row.class_id)
        self._lines.append(row.line or NO_LINE)
        self._split_codes.append(_code(row.split, self._splits))
        self._source_codes.append(_code(row.source, self._sources))

    def built(self) -> Rows:
        """The columns; nothing can be added afterwards."""
        return Rows(
            file_names=self._file_names.built(),
            captions=self._captions.built(),
            caption_ends=np.frombuffer(self._caption_ends, dtype=np.int64),
            class_ids=np.frombuffer(self._class_ids, dtype=np.int64),
            boxes=np.frombuffer(self._boxes, dtype=np.float64).reshape(-1, 4) if self._boxes else None,
            split_codes=np.frombuffer(self._split_codes, dtype=np.uint8),
            splits=tuple(self._splits),
            lines=np.frombuffer(self._lines, dtype=np.int64),
            source_codes=np.frombuffer(self._source_codes, dtype=np.int32),
            sources=tuple(self._sources),
        )


def _recoded(codes: Codes, names: Sequence[Name], all_names: Sequence[Name]) -> Codes:
    """Codes of names as codes of more names; 0 stays."""
    numbers = np.array([0, *(all_names.index(name) + 1 for name in names)], dtype=codes.dtype)
    recoded: Codes = numbers[codes]
    return recoded


def _code(name: Name | None, codes: dict[Name, int]) -> int:
    """A number for a name, from 1; 0 for None."""
    return 0 if name is None else codes.setdefault(name, len(codes) + 1)
