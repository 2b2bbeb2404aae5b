"""Lays out a data set from archives and folders, wherever its files are in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

from attnforge.data.reading.archives import Member, members
from attnforge.data.reading.metadata import Metadata
from attnforge.errors import DataError, Place, Problem


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a data set's folder. A data set with a class attribute `layout` can be prepared."""

    name: str
    """The data set's name in recipes."""
    read: Callable[..., Metadata]
    """Reads all splits of a folder and collects its problems; takes `options` by name."""
    rules: tuple[tuple[str, str], ...]
    """Patterns of paths in archives, and where such files belong, as templates of `re.Match.expand`."""
    parts: str
    """Its files, in words."""
    options: tuple[str, ...] = ()
    """The options of the data set, all strings, that select which files are read."""

    def read_with(self, root: Path, assignments: Sequence[str]) -> Metadata:
        """Read a folder with options in the form KEY=VALUE.

        Raises:
            DataError: an option is unknown.
        """
        pairs = [assignment.partition("=") for assignment in assignments]
        for key, sign, value in pairs:
            if key not in self.options or not sign or not value:
                message = f"`{key}{sign}{value}` is not an option of the data set `{self.name}`"
                known = ", ".join(f"{name}=VALUE" for name in self.options) or "no options for this data set"
                raise DataError(Problem("unknown-data-option", message, Place("command line"), known))
        return self.read(root, **{key: value for key, _, value in pairs})

    def place(self, name: str) -> str | None:
        """The path below the root of a file with that name, or None if it is not part of the data set."""
        # macOS archivers add files with the same extensions
        if "__MACOSX" in name or name.rpartition("/")[2].startswith("."):
            return None
        matches = ((re.search(pattern, name), target) for pattern, target in self.rules)
        return next((match.expand(target) for match, target in matches if match), None)


def prepare(layout: Layout, sources: Sequence[Path], root: Path) -> Iterator[str]:
    """Put files from the sources where a data set expects them; yields the path of each when it is written.

    Existing files are replaced atomically; everything else in `root` stays.

    Args:
        layout: Which files belong to the data set, and where.
        sources: Archives and folders; archives in them are unpacked too.
        root: The folder of the data set; it may be one of the sources.

    Raises:
        DataError: a source is missing, damaged, unsafe, has no file of the data set, or has two
            different files for one path; or `root` cannot be written.
    """
    with _write_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".unpacked-") as scratch:
            for source in sources:
                written: dict[str, bytes] = {}
                for member in members(source, scratch=Path(scratch)):
                    place = layout.place(member.name)
                    if place is not None:
                        digest = _write(member, root / place)
                        if written.setdefault(place, digest) != digest:
                            raise DataError(_conflict(source, place))
                        yield place
                if not written:
                    message = f"{source} has no files of the data set `{layout.name}`"
                    raise DataError(Problem("nothing-to-prepare", message, Place(str(source)), layout.parts))


def _write(member: Member, target: Path) -> bytes:
    """Write a file to its path, unless it is that file already; returns a digest of its content."""
    hashed = blake2b(digest_size=16)
    if target.exists() and target.samefile(member.source):
        for piece in member.content():
            hashed.update(piece)
        return hashed.digest()
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as opened:
            for piece in member.content():
                hashed.update(piece)
                opened.write(piece)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return hashed.digest()


def _conflict(source: Path, place: str) -> Problem:
    message = f"{source} has two different files for {place}"
    return Problem(
        "duplicate-file", message, Place(str(source)), "only one of them: name its archive or folder"
    )


@contextmanager
def _write_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or root} cannot be written: {error.strerror}"
        expected = "a writable folder with room for the data set"
        raise DataError(Problem("data-not-written", message, Place(str(root)), expected)) from error
