"""Reads `metadata.jsonl` or `metadata.csv` of a folder of images, and finds every problem in it.

Does not import torch, so that checking a folder is fast.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from attnforge.data.reading.columns import COLUMNS, misnamed_column
from attnforge.data.reading.fields import SPLITS, read_box, read_captions, read_class_id, read_split
from attnforge.data.reading.files import Files
from attnforge.data.reading.missing_metadata import NAMES, metadata_problem
from attnforge.data.reading.problem_groups import ProblemGroups
from attnforge.data.reading.records import read_records
from attnforge.errors import DataError, Place, Problem

MAX_IGNORED_COLUMNS = 1_000
"""Ignored columns that are remembered for a remark."""
TEST_SHARE = 0.1
"""Of the images without a split."""
SHOWN = 20
"""Problems that an error lists; `attnforge data check` lists all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a folder."""

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


@dataclass(frozen=True, slots=True)
class Metadata:
    """The content of a folder's metadata, and everything that is wrong with it."""

    source: Path
    """The file that names the images."""
    rows: tuple[Row, ...]
    """The rows that can be used; every one has a split."""
    problems: tuple[Problem, ...]
    """Errors, with which the folder cannot be used."""
    remarks: tuple[Problem, ...]
    """Warnings, such as empty captions that are skipped."""
    next_step: str
    """The command that shows or repairs all problems."""
    splits: tuple[str, ...] = SPLITS
    """The splits that were read."""

    def empty_split(self, split: str) -> Problem | None:
        """The problem of a split without images, or None."""
        counts = Counter(row.split for row in self.rows)
        if counts[split]:
            return None
        others = ", ".join(f"{name}: {count:,}" for name, count in counts.items())
        message = f"split {split!r} is empty" + (f"; images in the folder: {others}" if others else "")
        expected = f'"split": "{split}" in some lines, or no `split` at all, which takes a tenth for testing'
        return Problem("empty-split", message, Place(str(self.source)), expected, self.next_step)

    def usable(self) -> Metadata:
        """Return itself if there is no problem.

        Raises:
            DataError: there are problems; the first 20 are listed with file and line.
        """
        if self.problems:
            shown = list(self.problems[:SHOWN])
            if (more := len(self.problems) - len(shown)) > 0:
                message = f"{more} more problems in this folder"
                shown.append(Problem("more-problems", message, next_step=self.next_step))
            raise DataError(shown)
        return self


def load_metadata(root: Path) -> Metadata:
    """Read a folder's metadata and refuse it if it has problems.

    Raises:
        DataError: there are problems; the first 20 are listed with file and line.
    """
    return read_metadata(root).usable()


def read_metadata(root: Path) -> Metadata:
    """Read a folder's metadata and collect its problems; never raises for bad content."""
    step = f"attnforge data check {shlex.quote(str(root))}"
    sources = [root / name for name in NAMES if (root / name).is_file()]
    if len(sources) != 1:
        return Metadata(root, (), (metadata_problem(root, sources),), (), step)
    reader = _Reader(root, sources[0])
    for line, record in read_records(sources[0], reader):
        reader.add(record, line)
    problems, remarks = reader.problems(), reader.remarks()
    if not reader.rows and not problems:
        problems = [
            Problem("empty-data", "the file lists no images", Place(str(sources[0])), "one line per image")
        ]
    return Metadata(sources[0], tuple(with_splits(reader.rows)), tuple(problems), tuple(remarks), step)


class _Duplicate(NamedTuple):
    """A further line of an image."""

    name: str
    captions: tuple[str, ...]
    line: int
    first: int
    """The first line of the image."""


class _Reader:
    """Turns records into rows and collects their problems."""

    def __init__(self, root: Path, source: Path) -> None:
        self.root = root
        self.source = source
        self.files = Files(root)
        self.rows: list[Row] = []
        self._problems = ProblemGroups()
        self._remarks = ProblemGroups()
        self._lines: dict[str, int] = {}
        """The first line of each name."""
        self._missing: list[tuple[str, int]] = []
        self._duplicates: list[_Duplicate] = []
        self._ignored: dict[str, int] = {}
        """The first line of each column that is not read."""
        self._read: set[str] = set()

    def note(
        self,
        code: str,
        message: str,
        line: int | None,
        expected: str | None,
        *,
        column: int | None = None,
        cause: str | None = None,
    ) -> None:
        """Add a problem; those of one cause are reported once."""
        self._problems.add(
            Problem(code, message, Place(str(self.source), line, column), expected), cause=cause
        )

    def add(self, record: Mapping[str, Any], line: int) -> None:
        """Turn one record into a row or into problems."""
        self._record_columns(record, line)
        name = self._file_name(record, line)
        fields = (read_captions(record), read_class_id(record), read_box(record), read_split(record))
        captions, class_id, box, split = fields
        for field in fields:
            if field.wrong is not None:
                message = f"{name or 'the image'}: {field.wrong}"
                self.note(field.code, message, line, field.expected, cause=field.cause)
        texts = tuple(caption for caption in captions.value or () if caption)
        if name is not None and (first := self._lines.setdefault(name, line)) != line:
            self._duplicates.append(_Duplicate(name, texts, line, first))
            return
        if name is None or any(field.wrong is not None for field in fields):
            return
        if not self.files.has(name):
            self._missing.append((name, line))
            return
        if not texts:
            self._note_no_captions(record, name, line)
            return
        if empty := len(captions.value or ()) - len(texts):
            message = f"{empty} empty captions of {name} are skipped"
            self._remarks.add(Problem("empty-caption", message, Place(str(self.source), line)), cause="empty")
        self.rows.append(Row(name, texts, class_id.value, box.value, split.value, line))

    def problems(self) -> list[Problem]:
        """All errors, by line."""
        self._note_duplicates()
        self._note_missing()
        return self._problems.problems()

    def remarks(self) -> list[Problem]:
        """All warnings, by line."""
        for column in ("class_id", "bbox", "split"):
            near = None if column in self._read else misnamed_column(column, self._ignored)
            if near is not None:
                message = f"column `{near}` is ignored"
                place = Place(str(self.source), self._ignored[near])
                expected = f"the name `{column}`, if that is its content"
                self._remarks.add(Problem("unread-column", message, place, expected))
        return self._remarks.problems()

    def _record_columns(self, record: Mapping[str, Any], line: int) -> None:
        self._read.update(name for name in COLUMNS if name in record)
        if len(record) > sum(name in record for name in COLUMNS):
            for name in record:
                if name not in COLUMNS and len(self._ignored) < MAX_IGNORED_COLUMNS:
                    self._ignored.setdefault(name, line)

    def _file_name(self, record: Mapping[str, Any], line: int) -> str | None:
        name = record.get("file_name")
        if not isinstance(name, str) or not name.strip():
            near = misnamed_column("file_name", record)
            message = f"the line has `{near}` but no `file_name`" if near else "the line has no `file_name`"
            expected = f"`file_name` instead of `{near}`" if near else "`file_name`, a path below the folder"
            self.note("no-file-name", message, line, expected, cause=near or "none")
            return None
        path = PurePosixPath(name.strip())
        if path.is_absolute() or ".." in path.parts:
            expected = f"a path below {self.root}"
            self.note("file-outside", f"{name} is outside the folder", line, expected, cause="outside")
            return None
        return str(path)

    def _note_no_captions(self, record: Mapping[str, Any], name: str, line: int) -> None:
        has_captions = "captions" in record or "text" in record
        near = (
            None if has_captions else misnamed_column("text", record) or misnamed_column("captions", record)
        )
        if near:
            message = f"the line of {name} has `{near}`, but neither `captions` nor `text`"
            self.note("no-captions", message, line, f"`text` instead of `{near}`", cause=near)
        else:
            message = f"{name} has no captions"
            self.note("no-captions", message, line, "`captions` (a list) or `text`", cause="none")

    def _note_duplicates(self) -> None:
        """Images with several lines: a single problem if each line has other captions."""
        known = {row.file_name: row.captions for row in self.rows} if self._duplicates else {}
        separate = [
            duplicate
            for duplicate in self._duplicates
            if not {*duplicate.captions} & {*known.get(duplicate.name, duplicate.captions)}
        ]
        if len(separate) > 1 and len(separate) == len(self._duplicates):
            name, captions, line, _ = separate[0]
            images = len({duplicate.name for duplicate in separate})
            whole = {"file_name": name, "captions": [*known[name], *captions]}
            message = f"{images:,} images have several lines, one for each caption"
            expected = f"all captions of an image in one line: {json.dumps(whole, ensure_ascii=False)}"
            self.note("duplicate-file", message, line, expected)
            return
        for name, _, line, first in self._duplicates:
            message = f"{name} is already in line {first}"
            self.note("duplicate-file", message, line, "one line per image, with all its captions in a list")

    def _note_missing(self) -> None:
        """Names without a file; those that differ from existing files in the same way have one cause."""
        missing = [(name, line, self.files.similar(name)) for name, line in self._missing]
        if len(missing) > 1 and not self.rows and not any(similar for *_, similar in missing):
            name, line, _ = missing[0]
            message = f"none of the {len(missing):,} images exists"
            self.note("no-images", message, line, f"images such as {self.root / name}")
            return
        for name, line, similar in missing:
            if similar is None:
                expected = f"a file below {self.root}"
                self.note("missing-file", f"there is no image {name}", line, expected)
                continue
            shown = ascii if similar.name.isascii() < name.isascii() or similar.name != name else str
            message = f"there is no image {name}; found {similar.name}, {similar.difference}"
            self.note(
                "missing-file", message, line, f"the name {shown(similar.name)}", cause=similar.difference
            )


def with_splits(rows: list[Row]) -> list[Row]:
    """Assign rows without a split by a hash of their name: about one in ten to test."""
    undecided = [row for row in rows if row.split is None]
    if not undecided:
        return rows
    lowest = min(undecided, key=lambda row: _hashed(row.file_name))
    test_names = {row.file_name for row in undecided if _hashed(row.file_name) < TEST_SHARE}
    if len(rows) > 1 and not test_names and all(row.split != "test" for row in rows):
        test_names = {lowest.file_name}
    return [
        row
        if row.split is not None
        else replace(row, split="test" if row.file_name in test_names else "train")
        for row in rows
    ]


def _hashed(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64
