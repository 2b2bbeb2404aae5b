"""Collects the problems of a data set, so that one error can report all of them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attnforge.data.reading.fields import SPLITS
from attnforge.data.reading.files import Files
from attnforge.data.reading.metadata import Metadata
from attnforge.data.reading.pickles import read_pickle
from attnforge.data.reading.rows import Row, Rows
from attnforge.errors import DataError, Place, Problem


class Findings:
    """The problems of a release of images and captions, each with the command that repairs it.

    Args:
        name: The data set's name in recipes.
        root: The folder of the data set.
    """

    def __init__(self, name: str, root: Path) -> None:
        self.root = root
        self.next_step = f"attnforge data prepare {name} --from ARCHIVE_OR_FOLDER -o {shlex.quote(str(root))}"
        self.problems: list[Problem] = []
        self.remarks: list[Problem] = []
        self.files = Files(root)

    def problem(
        self,
        *,
        code: str,
        message: str,
        at: Path,
        line: int | None = None,
        column: int | None = None,
        excerpt: str | None = None,
        expected: str | None = None,
        next_step: str | None = None,
    ) -> None:
        """Add a problem that makes the data set unusable; the default next step is to prepare its files."""
        step = next_step or self.next_step
        self.problems.append(Problem(code, message, Place(str(at), line, column, excerpt), expected, step))

    def remark(self, *, code: str, message: str, at: Path, line: int | None = None) -> None:
        """Add a remark on something that is skipped."""
        self.remarks.append(Problem(code, message, Place(str(at), line)))

    def text(self, path: Path, *, expected: str) -> str | None:
        """The text of a file in UTF-8, or None with a problem added."""
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            self.problem(code="missing-file", message=f"there is no file {path}", at=path, expected=expected)
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            message = f"byte {error.start} is not UTF-8"
            self.problem(code="metadata-encoding", message=message, at=path, line=line, expected=expected)
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            self.problem(code="metadata-unreadable", message=message, at=path, expected=expected)
        return None

    def pickle(self, path: Path, *, expected: str) -> object:
        """What a pickle holds, or None with a problem added."""
        try:
            return read_pickle(path)
        except DataError as error:
            for problem in error.problems:
                self.problem(code=problem.code, message=problem.message, at=path, expected=expected)
        return None

    def inside(self, name: str, *, at: Path, line: int | None = None) -> bool:
        """Whether a file name stays below the folder; adds a problem if it does not."""
        path = PurePosixPath(name)
        if not name.strip() or path.is_absolute() or ".." in path.parts or "\0" in name:
            message = f"{name!r} lies outside the folder"
            self.problem(code="file-outside", message=message, at=at, line=line, expected="a path below it")
            return False
        return True

    def with_images(self, rows: list[Row], *, at: Path, folder: Path) -> list[Row]:
        """The rows whose images exist; each other row is a problem, or all are one if no image exists."""
        existing = [row for row in rows if self.files.has(row.file_name)]
        if rows and not existing:
            message = f"none of the {len(rows):,} images exists"
            expected = f"images such as {self.root / rows[0].file_name}"
            self.problem(code="no-images", message=message, at=folder, expected=expected)
            return existing
        missing = (
            [row for row in rows if not self.files.has(row.file_name)] if len(existing) < len(rows) else []
        )
        for row in missing:
            similar = self.files.similar(row.file_name)
            hint = f"; found {similar.name}, {similar.difference}" if similar else ""
            message = f"there is no image {row.file_name}{hint}"
            expected = f"the file {self.root / row.file_name}"
            self.problem(code="missing-file", message=message, at=at, line=row.line, expected=expected)
        return existing

    def metadata(self, rows: Sequence[Row], *, source: Path, splits: Sequence[str] = SPLITS) -> Metadata:
        """The rows with all problems and remarks; `splits` are those that were read."""
        counts = Counter(row.file_name for row in rows)
        if shared := [name for name, count in counts.items() if count > 1]:
            others = f", as are {len(shared) - 1:,} others" if len(shared) > 1 else ""
            message = f"{shared[0]} is in both train and test{others}"
            self.problem(
                code="duplicate-file", message=message, at=source, expected="each image in one split"
            )
        if not rows and not self.problems:
            self.problem(code="empty-data", message="the data set has no images", at=source)
        return Metadata(
            source,
            Rows.of(rows),
            tuple(self.problems),
            tuple(self.remarks),
            self.next_step,
            tuple(splits),
        )
