"""Reads `metadata.jsonl` or `metadata.csv` of a folder of images, and finds every problem in it.

Imports no torch, so that checking a folder is quick.
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

from attnforge.data.columns import COLUMNS, meant_for
from attnforge.data.fields import SPLITS, read_box, read_captions, read_class_id, read_split
from attnforge.data.files import Files
from attnforge.data.missing_metadata import NAMES, without_one_file
from attnforge.data.records import read_records
from attnforge.data.repeated import Repeated
from attnforge.errors import DataError, Place, Problem

MOST_COLUMNS = 1_000
"""Columns that are not read and are remembered for a remark."""
TEST_SHARE = 0.1
SHOWN = 20
"""Problems that an error shows; `attnforge data check` shows all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a folder."""

    file_name: str
    """Its path below the folder, with forward slashes."""
    captions: tuple[str, ...]
    """Without outer blanks, inner blanks collapsed; at least one."""
    class_id: int | None
    box: tuple[float, float, float, float] | None
    """Left, top, width and height in pixels of what the image shows."""
    split: str | None
    line: int | None
    """Where it stands in the metadata file, from 1; None in a file without lines."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything that a folder's metadata says, and everything that is wrong with it."""

    source: Path
    """The file that names the images."""
    rows: tuple[Row, ...]
    """The rows that can be used; every one has a split."""
    problems: tuple[Problem, ...]
    """What makes the folder unusable until it is repaired."""
    remarks: tuple[Problem, ...]
    """What was passed over, such as an empty caption beside good ones."""
    next_step: str
    """The command that shows or repairs everything that is wrong."""
    splits: tuple[str, ...] = SPLITS
    """The splits that were read."""

    def empty_split(self, split: str) -> Problem | None:
        """The problem of a split that has no image, or None."""
        counts = Counter(row.split for row in self.rows)
        if counts[split]:
            return None
        others = ", ".join(f"{name}: {count:,}" for name, count in counts.items())
        message = f"no image of the folder is in the split {split}" + (
            f": there are {others}" if others else ""
        )
        expected = f'"split": "{split}" in some lines, or no `split` in any: then a tenth is for testing'
        return Problem("empty-split", message, Place(str(self.source)), expected, self.next_step)

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
    step = f"attnforge data check {shlex.quote(str(root))}"
    sources = [root / name for name in NAMES if (root / name).is_file()]
    if len(sources) != 1:
        return Metadata(root, (), (without_one_file(root, sources),), (), step)
    reader = _Reader(root, sources[0])
    for line, record in read_records(sources[0], reader):
        reader.take(record, line)
    problems, remarks = reader.problems(), reader.remarks()
    if not reader.rows and not problems:
        problems = [Problem("empty-data", "it names no image", Place(str(sources[0])), "one line for each")]
    return Metadata(sources[0], tuple(with_splits(reader.rows)), tuple(problems), tuple(remarks), step)


class _Again(NamedTuple):
    """A line of an image that was named before."""

    name: str
    captions: tuple[str, ...]
    line: int
    first: int
    """The line that named it."""


class _Reader:
    """Turns records into rows; collects problems on the way."""

    def __init__(self, root: Path, source: Path) -> None:
        self.root = root
        self.source = source
        self.files = Files(root)
        self.rows: list[Row] = []
        self._problems = Repeated()
        self._remarks = Repeated()
        self._lines: dict[str, int] = {}
        """The first line of each name."""
        self._missing: list[tuple[str, int]] = []
        self._again: list[_Again] = []
        self._unread: dict[str, int] = {}
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
        """Note a problem; those of one cause are told once."""
        self._problems.add(
            Problem(code, message, Place(str(self.source), line, column), expected), cause=cause
        )

    def take(self, record: Mapping[str, Any], line: int) -> None:
        """Turn one record into a row, or into problems."""
        self._see_columns(record, line)
        name = self._file_name(record, line)
        fields = (read_captions(record), read_class_id(record), read_box(record), read_split(record))
        captions, class_id, box, split = fields
        for field in fields:
            if field.wrong is not None:
                message = f"{name or 'the image'}: {field.wrong}"
                self.note(field.code, message, line, field.expected, cause=field.cause)
        texts = tuple(caption for caption in captions.value or () if caption)
        if name is not None and (first := self._lines.setdefault(name, line)) != line:
            self._again.append(_Again(name, texts, line, first))
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
            message = f"{name} has {empty} captions without a word"
            self._remarks.add(Problem("empty-caption", message, Place(str(self.source), line)), cause="empty")
        self.rows.append(Row(name, texts, class_id.value, box.value, split.value, line))

    def problems(self) -> list[Problem]:
        """Everything that makes the folder unusable, by line."""
        self._note_again()
        self._note_missing()
        return self._problems.problems()

    def remarks(self) -> list[Problem]:
        """What was passed over, by line."""
        for column in ("class_id", "bbox", "split"):
            near = None if column in self._read else meant_for(column, self._unread)
            if near is not None:
                message = f"the column `{near}` is not read"
                place = Place(str(self.source), self._unread[near])
                expected = f"`{column}` as its name, if that is what it holds"
                self._remarks.add(Problem("unread-column", message, place, expected))
        return self._remarks.problems()

    def _see_columns(self, record: Mapping[str, Any], line: int) -> None:
        self._read.update(name for name in COLUMNS if name in record)
        if len(record) > sum(name in record for name in COLUMNS):
            for name in record:
                if name not in COLUMNS and len(self._unread) < MOST_COLUMNS:
                    self._unread.setdefault(name, line)

    def _file_name(self, record: Mapping[str, Any], line: int) -> str | None:
        name = record.get("file_name")
        if not isinstance(name, str) or not name.strip():
            near = meant_for("file_name", record)
            message = f"the line has `{near}` and no `file_name`" if near else "the line names no image"
            expected = f"`file_name` as the name of `{near}`" if near else "`file_name`, below the folder"
            self.note("no-file-name", message, line, expected, cause=near or "none")
            return None
        path = PurePosixPath(name.strip())
        if path.is_absolute() or ".." in path.parts:
            expected = f"a path below {self.root}"
            self.note("file-outside", f"{name} lies outside the folder", line, expected, cause="outside")
            return None
        return str(path)

    def _note_no_captions(self, record: Mapping[str, Any], name: str, line: int) -> None:
        told = "captions" in record or "text" in record
        near = None if told else meant_for("text", record) or meant_for("captions", record)
        if near:
            message = f"the line of {name} has `{near}` and neither `captions` nor `text`"
            self.note("no-captions", message, line, f"`text` as the name of `{near}`", cause=near)
        else:
            message = f"{name} has no caption"
            self.note("no-captions", message, line, "`captions` (a list) or `text`", cause="none")

    def _note_again(self) -> None:
        """Images that stand in several lines: one cause when each line brings other captions."""
        known = {row.file_name: row.captions for row in self.rows} if self._again else {}
        separate = [one for one in self._again if not {*one.captions} & {*known.get(one.name, one.captions)}]
        if len(separate) > 1 and len(separate) == len(self._again):
            name, captions, line, _ = separate[0]
            images = len({one.name for one in separate})
            whole = {"file_name": name, "captions": [*known[name], *captions]}
            message = f"{images:,} images stand in several lines, one for each caption"
            expected = f"all captions of an image in one line: {json.dumps(whole, ensure_ascii=False)}"
            self.note("duplicate-file", message, line, expected)
            return
        for name, _, line, first in self._again:
            message = f"{name} was named in line {first} already"
            self.note("duplicate-file", message, line, "one line an image, all its captions in a list")

    def _note_missing(self) -> None:
        """Names without a file; the same difference from the names that there are is one cause."""
        likely = [(name, line, self.files.like(name)) for name, line in self._missing]
        if len(likely) > 1 and not self.rows and not any(like for *_, like in likely):
            name, line, _ = likely[0]
            message = f"none of the {len(likely):,} images is there"
            self.note("no-images", message, line, f"images such as {self.root / name}")
            return
        for name, line, like in likely:
            if like is None:
                expected = f"a file below {self.root}"
                self.note("missing-file", f"there is no image {name}", line, expected)
                continue
            shown = ascii if like.name.isascii() < name.isascii() or like.name != name else str
            message = f"there is no image {name}; the folder holds it {like.difference}: {like.name}"
            self.note("missing-file", message, line, f"the name {shown(like.name)}", cause=like.difference)


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


def _hashed(name: str) -> float:
    """A number in [0, 1) that follows from the name alone."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64
