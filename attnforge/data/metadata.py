"""Reads `metadata.jsonl` or `metadata.csv` of a folder of pictures, and finds every problem in it.

Imports no torch, so that checking a folder is quick.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

from attnforge.data.fields import Field, read_box, read_captions, read_class_id, read_split
from attnforge.errors import DataError, Place, Problem

NAMES = ("metadata.jsonl", "metadata.csv")
TEST_SHARE = 0.1
SHOWN = 20
"""Problems that an error shows; `attnforge data check` shows all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of a folder."""

    file_name: str
    """Its path below the folder, with forward slashes."""
    captions: tuple[str, ...]
    """Without outer blanks, inner blanks collapsed; at least one."""
    class_id: int | None
    box: tuple[float, float, float, float] | None
    """Left, top, width and height in pixels of what the picture shows."""
    split: str | None
    line: int | None
    """Where it stands in the metadata file, from 1; None in a file without lines."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything that a folder's metadata says, and everything that is wrong with it."""

    source: Path
    """The file that names the pictures."""
    rows: tuple[Row, ...]
    """The rows that can be used; every one has a split."""
    problems: tuple[Problem, ...]
    """What makes the folder unusable until it is repaired."""
    remarks: tuple[Problem, ...]
    """What was passed over, such as an empty caption beside good ones."""
    next_step: str
    """The command that shows or repairs everything that is wrong."""

    def usable(self) -> Metadata:
        """Itself, when nothing is wrong.

        Raises:
            DataError: with the file and line of every problem, the first 20 of them spelled out.
        """
        if self.problems:
            shown = list(self.problems[:SHOWN])
            if (more := len(self.problems) - len(shown)) > 0:
                message = f"{more} more problems of this folder"
                shown.append(Problem("more-problems", message, next_step=self.next_step))
            raise DataError(shown)
        return self


def load_metadata(root: Path) -> Metadata:
    """Read a folder's metadata and refuse it when anything is wrong.

    Raises:
        DataError: with the file and line of every problem, the first 20 of them spelled out.
    """
    return read_metadata(root).usable()


def read_metadata(root: Path) -> Metadata:
    """Read a folder's metadata and collect its problems; raises nothing for bad content."""
    step = f"attnforge data check {root}"
    found = [root / name for name in NAMES if (root / name).is_file()]
    if len(found) != 1:
        return Metadata(root, (), (_without_one_file(root, found),), (), step)
    reader = _Reader(root, found[0])
    try:
        text = found[0].read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = found[0].read_bytes()[: error.start].count(b"\n") + 1
        reader.problem("metadata-encoding", f"byte {error.start} is not UTF-8", line, "a file in UTF-8")
    except OSError as error:
        reader.problem("metadata-unreadable", f"it cannot be read: {error.strerror}", None, "a readable file")
    else:
        records = _json_lines(text, reader) if found[0].suffix == ".jsonl" else _csv_lines(text, reader)
        for line, record in records:
            reader.take(record, line)
        if not reader.rows and not reader.problems:
            reader.problem("empty-data", "it names no picture", None, "one line for each picture")
    rows = tuple(with_splits(reader.rows))
    return Metadata(found[0], rows, tuple(reader.problems), tuple(reader.remarks), step)


class _Reader:
    """Turns records into rows; collects problems on the way."""

    def __init__(self, root: Path, source: Path) -> None:
        self.root = root
        self.source = source
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.remarks: list[Problem] = []
        self._seen: dict[str, int] = {}

    def problem(
        self, code: str, message: str, line: int | None, expected: str | None, column: int | None = None
    ) -> None:
        self.problems.append(Problem(code, message, Place(str(self.source), line, column), expected))

    def take(self, record: Mapping[str, Any], line: int) -> None:
        before = len(self.problems)
        name = self._file_name(record, line)
        captions = self._value(read_captions(record), name, line) or ()
        row = Row(
            file_name=name,
            captions=tuple(caption for caption in captions if caption),
            class_id=self._value(read_class_id(record), name, line),
            box=self._value(read_box(record), name, line),
            split=self._value(read_split(record), name, line),
            line=line,
        )
        if len(self.problems) > before:
            return
        if not row.captions:
            self.problem("no-captions", f"{name} has no caption", line, "`captions` (a list) or `text`")
        elif len(row.captions) < len(captions):
            empty = len(captions) - len(row.captions)
            place = Place(str(self.source), line)
            self.remarks.append(
                Problem("empty-caption", f"{name} has {empty} captions without a word", place)
            )
        if row.captions:
            self.rows.append(row)

    def _file_name(self, record: Mapping[str, Any], line: int) -> str:
        name = record.get("file_name")
        if not isinstance(name, str) or not name.strip():
            self.problem("no-file-name", "the line names no picture", line, "`file_name`, below the folder")
            return ""
        path = PurePosixPath(name.strip())
        if path.is_absolute() or ".." in path.parts:
            self.problem("file-outside", f"{name} lies outside the folder", line, f"a path below {self.root}")
        elif str(path) in self._seen:
            first = self._seen[str(path)]
            message = f"{name} was named in line {first} already"
            self.problem("duplicate-file", message, line, "one line a picture, all its captions in a list")
        elif not _is_file(self.root / path):
            self.problem("missing-file", f"there is no picture {name}", line, f"a file below {self.root}")
        self._seen.setdefault(str(path), line)
        return str(path)

    def _value(self, field: Field[Any], name: str, line: int) -> Any:
        if field.wrong is not None:
            self.problem(field.code, f"{name or 'the picture'}: {field.wrong}", line, field.expected)
        return field.value


def _json_lines(text: str, reader: _Reader) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except json.JSONDecodeError as error:
            reader.problem("bad-json", f"not JSON: {error.msg}", line, "one JSON object a line", error.colno)
        except (ValueError, RecursionError):
            message = "not JSON: a number too long or nested too deeply"
            reader.problem("bad-json", message, line, "one JSON object a line")
        else:
            if isinstance(record, dict):
                yield line, record
            else:
                reader.problem("bad-json", "the line is JSON but no object", line, "one JSON object a line")


def _csv_lines(text: str, reader: _Reader) -> Iterator[tuple[int, Mapping[str, Any]]]:
    table = csv.DictReader(StringIO(text, newline=""), strict=True)
    try:
        for record in table:
            if None in record:
                expected = f"{len(table.fieldnames or ())} columns; quote texts that hold commas"
                reader.problem("bad-csv", "the line has too many columns", table.line_num, expected)
            else:
                filled = {key: value for key, value in record.items() if value is not None and value.strip()}
                yield table.line_num, filled
    except csv.Error as error:
        reader.problem("bad-csv", f"not CSV: {error}", table.reader.line_num, "comma-separated values")


def with_splits(rows: list[Row]) -> list[Row]:
    """Rows without a split get one from a hash of their name: about one in ten is for testing."""
    undecided = [row for row in rows if row.split is None]
    if not undecided:
        return rows
    least = min(undecided, key=lambda row: _hashed(row.file_name))
    tested = {row.file_name for row in undecided if _hashed(row.file_name) < TEST_SHARE}
    if len(rows) > 1 and not tested and all(row.split != "test" for row in rows):
        tested = {least.file_name}
    return [
        row if row.split is not None else replace(row, split="test" if row.file_name in tested else "train")
        for row in rows
    ]


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the system cannot even look up is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _hashed(name: str) -> float:
    """A number in [0, 1) that follows from the name alone."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64


def _without_one_file(root: Path, found: list[Path]) -> Problem:
    place = Place(str(root))
    if found:
        message = "there are both a metadata.jsonl and a metadata.csv"
        return Problem("two-metadata-files", message, place, "one of them")
    if not root.is_dir():
        return Problem("no-folder", "there is no such folder", place, "a folder with pictures")
    message = "there is no metadata.jsonl and no metadata.csv in this folder"
    example = 'lines such as {"file_name": "one.png", "captions": ["a red apple"]} in metadata.jsonl'
    return Problem("no-metadata", message, place, example)
