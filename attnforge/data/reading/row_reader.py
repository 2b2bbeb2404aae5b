"""Turns the records of metadata into rows of columns, and collects their problems."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from attnforge.data.reading.columns import COLUMNS, misnamed_column
from attnforge.data.reading.fields import read_box, read_captions, read_class_id, read_split
from attnforge.data.reading.files import Files
from attnforge.data.reading.problem_groups import ProblemGroups
from attnforge.data.reading.rows import Row, Rows, RowsBuilder
from attnforge.errors import Place, Problem

MAX_IGNORED_COLUMNS = 1_000
"""Ignored columns that are remembered for a remark."""
MAX_HEADERS = 100
"""Combinations of columns that are remembered, so that most lines need no second look at theirs."""


class _Duplicate(NamedTuple):
    """A further line of an image."""

    name: str
    captions: tuple[str, ...]
    line: int
    first: int
    """The first line of the image."""


class _Missing(NamedTuple):
    """A line that names no existing file."""

    name: str
    line: int
    source: Path


class RowReader:
    """Turns records into rows and collects their problems.

    Args:
        root: The folder that file names are relative to.
        embedded: Whether images are not files below the root, so that `file_name` is only a name.
    """

    def __init__(self, root: Path, *, embedded: bool = False) -> None:
        self.root = root
        self.source = root
        self.files = None if embedded else Files(root)
        self._builder = RowsBuilder()
        self._problems = ProblemGroups()
        self._remarks = ProblemGroups()
        self._lines: dict[str, int] = {}
        """The first line of each name."""
        self._missing: list[_Missing] = []
        self._duplicates: list[_Duplicate] = []
        self._ignored: dict[str, int] = {}
        """The first line of each column that is not read."""
        self._read: set[str] = set()
        self._headers: set[tuple[str, ...]] = set()
        """The columns of lines whose columns are recorded."""
        self._folder = ""
        self._split: str | None = None
        self._row_source: Path | None = None

    def begin(self, source: Path, *, folder: str = "", split: str | None = None, only: bool = True) -> None:
        """Begin with the records of a file.

        Args:
            source: The file.
            folder: The folder below the root that its file names are relative to.
            split: The split of rows that name none.
            only: Whether the data set has no other such file.
        """
        self.source, self._folder, self._split = source, folder, split
        self._row_source = None if only else source

    @cached_property
    def rows(self) -> Rows:
        """The rows that can be used; nothing can be added afterwards."""
        return self._builder.built()

    def note(
        self,
        code: str,
        message: str,
        line: int | None,
        expected: str | None,
        *,
        column: int | None = None,
        cause: str | None = None,
        convert: str | None = None,
    ) -> None:
        """Add a problem; those of one cause are reported once.

        Args:
            code: Its code.
            message: What is wrong.
            line: The line that it is in.
            expected: What would be right.
            column: Where in the line it is.
            cause: What makes it equal to others.
            convert: The options with which `attnforge data convert` repairs it; none if they are empty.
        """
        step = None
        if convert is not None and self.files is not None:
            step = f"attnforge data convert {shlex.quote(str(self.source.parent))} {convert}".rstrip()
        place = Place(str(self.source), line, column)
        self._problems.add(Problem(code, message, place, expected, step), cause=cause)

    def add(self, record: Mapping[str, Any], line: int) -> bool:
        """Turn one record into a row or into problems; whether it became a row."""
        self._record_columns(record, line)
        name = self._file_name(record, line)
        fields = (read_captions(record), read_class_id(record), read_box(record), read_split(record))
        captions, class_id, box, split = fields
        wrong = [field for field in fields if field.wrong is not None]
        for field in wrong:
            message = f"{name or 'the image'}: {field.wrong}"
            self.note(field.code, message, line, field.expected, cause=field.cause)
        texts = tuple(filter(None, captions.value or ()))
        if name is not None and (first := self._lines.setdefault(name, line)) != line:
            self._duplicates.append(_Duplicate(name, texts, line, first))
            return False
        if name is None or wrong:
            return False
        if self.files is not None and not self.files.has(name):
            self._missing.append(_Missing(name, line, self.source))
            return False
        if not texts:
            self._note_no_captions(record, name, line)
            return False
        if empty := len(captions.value or ()) - len(texts):
            message = f"{empty} empty {'caption of' if empty == 1 else 'captions of'} {name} skipped"
            self._remarks.add(Problem("empty-caption", message, Place(str(self.source), line)), cause="empty")
        chosen_split = split.value or self._split
        self._builder.append(
            Row(name, texts, class_id.value, box.value, chosen_split, line, self._row_source)
        )
        return True

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
        header = tuple(record)
        if header in self._headers:
            return
        if len(self._headers) < MAX_HEADERS:
            self._headers.add(header)
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
            self.note(
                "no-file-name", message, line, expected, cause=near or "none", convert="" if near else None
            )
            return None
        if self._folder:
            name = f"{self._folder}/{name.strip()}"
        elif _is_plain(name):
            return name
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
            self.note("no-captions", message, line, f"`text` instead of `{near}`", cause=near, convert="")
        else:
            message = f"{name} has no captions"
            self.note("no-captions", message, line, "`captions` (a list) or `text`", cause="none")

    def _note_duplicates(self) -> None:
        """Images with several lines: a single problem if each line has other captions."""
        names = {duplicate.name for duplicate in self._duplicates}
        known = {
            row.file_name: row.captions for row in (self.rows if names else ()) if row.file_name in names
        }
        separate = [
            duplicate
            for duplicate in self._duplicates
            if not {*duplicate.captions} & {*known.get(duplicate.name, duplicate.captions)}
        ]
        if len(separate) > 1 and len(separate) == len(self._duplicates):
            name, captions, line, _ = separate[0]
            images = len(names)
            whole = {"file_name": name, "captions": [*known[name], *captions]}
            message = f"{images:,} images have several lines, one for each caption"
            expected = f"all captions of an image in one line: {json.dumps(whole, ensure_ascii=False)}"
            self.note("duplicate-file", message, line, expected, convert="")
            return
        for name, _, line, first in self._duplicates:
            message = f"{name} is already in line {first}"
            self.note("duplicate-file", message, line, "one line per image, with all its captions in a list")

    def _note_missing(self) -> None:
        """Names without a file; those that differ from existing files in the same way have one cause."""
        if self.files is None:
            return
        missing = [(*row, self.files.similar(row.name)) for row in self._missing]
        if len(missing) > 1 and not self.rows and not any(similar for *_, similar in missing):
            name, line, self.source, _ = missing[0]
            message = f"none of the {len(missing):,} images exists"
            self.note("no-images", message, line, f"images such as {self.root / name}")
            return
        for name, line, self.source, similar in missing:
            if similar is None:
                expected = f"a file below {self.root}"
                self.note("missing-file", f"there is no image {name}", line, expected)
                continue
            shown = ascii if similar.name.isascii() < name.isascii() or similar.name != name else str
            message = f"there is no image {name}; found {similar.name}, {similar.difference}"
            self.note(
                "missing-file", message, line, f"the name {shown(similar.name)}", cause=similar.difference
            )


def _is_plain(name: str) -> bool:
    """Whether a path below the folder is written as `PurePosixPath` writes it, so that none is needed."""
    return not (
        name[0] in "./"
        or name[-1] == "/"
        or "//" in name
        or "/." in name
        or name[0].isspace()
        or name[-1].isspace()
    )
