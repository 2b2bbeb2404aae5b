"""Lays out a data set from its archives and folders, wherever in them its files lie."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

from attnforge.data.archives import Member, members
from attnforge.data.metadata import Metadata
from attnforge.errors import DataError, Place, Problem


@dataclass(frozen=True, slots=True)
class Layout:
    """How a data set lies in its folder. A data set with a class attribute `layout` can be prepared."""

    name: str
    """The data set's name in recipes."""
    read: Callable[..., Metadata]
    """Reads all splits of a folder and collects its problems; takes `options` by name."""
    rules: tuple[tuple[str, str], ...]
    """Patterns of paths in archives, and where such files belong, as `re.Match.expand` writes it."""
    parts: str
    """The files that it is made of, in words."""
    options: tuple[str, ...] = ()
    """The options of the data set, all of them texts, that decide which files are read."""

    def read_with(self, root: Path, given: Sequence[str]) -> Metadata:
        """Read a folder with options that are written as KEY=VALUE.

        Raises:
            DataError: there is no such option.
        """
        pairs = [one.partition("=") for one in given]
        for key, sign, value in pairs:
            if key not in self.options or not sign or not value:
                message = f"`{key}{sign}{value}` sets no option of the data set `{self.name}`"
                known = ", ".join(f"{name}=VALUE" for name in self.options) or "no option for this data set"
                raise DataError(Problem("unknown-data-option", message, Place("command line"), known))
        return self.read(root, **{key: value for key, _, value in pairs})

    def place(self, name: str) -> str | None:
        """Where a file of that name belongs below the root, or None when it does not belong to it."""
        # what Apple's archivers add beside each file has the same ending
        if "__MACOSX" in name or name.rpartition("/")[2].startswith("."):
            return None
        found = ((re.search(pattern, name), target) for pattern, target in self.rules)
        return next((match.expand(target) for match, target in found if match), None)


def prepare(layout: Layout, sources: Sequence[Path], root: Path) -> Iterator[str]:
    """Put the files of some sources where a data set wants them; gives the place of each as it is written.

    A file that is there already is replaced, whole or not at all; everything else in `root` stays.

    Args:
        layout: Which files belong to the data set, and where.
        sources: Archives and folders, archives within them included.
        root: The folder of the data set; it may be one of the sources.

    Raises:
        DataError: a source is missing, damaged, unsafe, holds nothing of the data set, or two different
            files for one place; or `root` cannot be written.
    """
    with _writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".unpacked-") as scratch:
            for source in sources:
                written: dict[str, bytes] = {}
                for member in members(source, scratch=Path(scratch)):
                    place = layout.place(member.name)
                    if place is not None:
                        digest = _put(member, root / place)
                        if written.setdefault(place, digest) != digest:
                            raise DataError(_different(source, place))
                        yield place
                if not written:
                    message = f"{source} holds nothing of the data set `{layout.name}`"
                    raise DataError(Problem("nothing-to-prepare", message, Place(str(source)), layout.parts))


def _put(member: Member, target: Path) -> bytes:
    """Put a file in its place, where it may be already; gives a digest of its content."""
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


def _different(source: Path, place: str) -> Problem:
    message = f"{source} holds two different files that belong to {place}"
    return Problem("duplicate-file", message, Place(str(source)), "one of them: name its archive or folder")


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or root} cannot be written: {error.strerror}"
        expected = "a folder that can be written, with room for the data set"
        raise DataError(Problem("data-not-written", message, Place(str(root)), expected)) from error
