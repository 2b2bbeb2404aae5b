"""Reads metadata of a folder of images: files of any layout that it may have, and every problem in them.

Does not import torch, so that checking a folder is fast.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from attnforge.data.reading.fields import SPLITS
from attnforge.data.reading.metadata_files import MetadataFile, metadata_files
from attnforge.data.reading.missing_metadata import metadata_problem
from attnforge.data.reading.records import read_records
from attnforge.data.reading.row_reader import RowReader
from attnforge.data.reading.rows import Row, Rows
from attnforge.errors import DataError, Place, Problem

TEST_SHARE = 0.1
"""Of the images without a split."""
SHOWN = 20
"""Problems that an error lists; `attnforge data check` lists all."""
EMPTY = Rows.of(())


@dataclass(frozen=True, slots=True)
class Metadata:
    """The content of a folder's metadata, and everything that is wrong with it."""

    source: Path
    """The file that names the images, or the folder of several such files."""
    rows: Rows
    """The rows that can be used; every one has a split."""
    problems: tuple[Problem, ...]
    """Errors, with which the folder cannot be used."""
    remarks: tuple[Problem, ...]
    """Warnings, such as empty captions that are skipped."""
    next_step: str
    """The command that shows or repairs all problems."""
    splits: tuple[str, ...] = SPLITS
    """The splits that were read."""

    def place(self, row: Row) -> Place:
        """Where a row is written."""
        return Place(str(row.source or self.source), row.line)

    def empty_split(self, split: str) -> Problem | None:
        """The problem of a split without images, or None."""
        counts = self.rows.split_counts()
        if counts[split]:
            return None
        others = ", ".join(f"{name}: {count:,}" for name, count in counts.items())
        message = f"split {split!r} is empty" + (f"; images in the folder: {others}" if others else "")
        expected = f'"split": "{split}" in some lines, or no `split` at all, which takes a tenth for testing'
        if any(row.source is not None and row.source.suffix == ".parquet" for row in self.rows[:1]):
            expected = f"a table {split}.parquet, or tables with other names, which take a tenth for testing"
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


def read_metadata(root: Path) -> Metadata:
    """Read a folder's metadata and collect its problems; never raises for bad content."""
    step = f"attnforge data check {shlex.quote(str(root))}"
    layout = metadata_files(root)
    if not layout.files:
        return Metadata(root, EMPTY, (layout.problem or metadata_problem(root),), (), step)
    reader = RowReader(root)
    for file in layout.files:
        reader.begin(file.path, folder=file.folder, split=file.split, only=len(layout.files) == 1)
        for line, record in read_records(file.path, reader):
            reader.add(record, line)
    source = _source(root, layout.files)
    problems, remarks = reader.problems(), [*layout.remarks, *reader.remarks()]
    rows = reader.rows
    if not rows and not problems:
        problems = [
            Problem("empty-data", "the file lists no images", Place(str(source)), "one line per image")
        ]
    return Metadata(source, with_splits(rows), tuple(problems), tuple(remarks), step)


def _source(root: Path, files: Sequence[MetadataFile]) -> Path:
    return files[0].path if len(files) == 1 else root


def with_splits(rows: Rows) -> Rows:
    """Assign rows without a split by a hash of their name: about one in ten to test."""
    undecided = rows.split_codes == 0
    if not undecided.any():
        return rows
    hashes = np.ones(len(rows))
    for index, name in enumerate(rows.file_names):
        if undecided[index]:
            hashes[index] = _hashed(name)
    test = hashes < TEST_SHARE
    if len(rows) > 1 and not test.any() and not rows.split_counts()["test"]:
        test[hashes.argmin()] = True
    splits = tuple(dict.fromkeys((*rows.splits, *SPLITS)))
    chosen = np.where(test, splits.index("test") + 1, splits.index("train") + 1).astype(np.uint8)
    return rows.with_split_codes(np.where(undecided, chosen, rows.split_codes), splits)


def _hashed(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64
