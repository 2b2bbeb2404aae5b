"""Which files a folder holds, and which of them a name was probably meant for."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""How the names of images end that attnforge reads."""
COMPARED = 2_000
"""Names of a folder that a misspelt one is compared with; comparing takes milliseconds for each thousand."""
MISSPELT = 20
"""Names that are compared at all: where more are misspelt, something else is wrong."""
CLOSE = 0.8
"""How much of two names must agree, as `difflib` counts it."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A file that a name was probably meant for."""

    name: str
    """Its path below the folder."""
    difference: str
    """How it is written otherwise, as the end of a sentence about a file."""


class Files:
    """The files below a folder; every folder is listed once, which is quick for many names.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, frozenset[str]] = {}
        self._subfolders: dict[str, list[str]] = {}
        self._spelt: dict[str, str | None] = {}
        self._folded_names: dict[tuple[str, str], dict[str, str]] = {}
        self._folder_of: dict[str, str] | None = None
        self._comparisons = 0

    def has(self, name: str) -> bool:
        """Whether there is a file of that name below the folder, written with forward slashes."""
        folder, _, last = name.rpartition("/")
        if last in self._names(folder):
            return True
        try:
            # some systems find files under other spellings, and would read them
            return (self.root / name).is_file()
        except (OSError, ValueError):
            return False

    def like(self, name: str) -> Likeness | None:
        """The file that a name without a file was probably meant for, when one differs in its writing."""
        slashed = name.replace("\\", "/")
        if slashed != name and self.has(slashed):
            return Likeness(slashed, "with forward slashes")
        path = PurePosixPath(slashed)
        written = path.parent.as_posix().removeprefix(".")
        folder = self._existing(written)
        if folder is None:
            return self._elsewhere(path.name)
        below = f"{folder}/" if folder else ""
        if folder != written and path.name in self._names(folder):
            return Likeness(below + path.name, "in a folder of other capital letters")
        for difference, fold in (
            ("in another form of Unicode", _composed),
            ("in other capital letters", _folded),
            ("with another ending", _image_stem),
        ):
            if match := self._by_folded_name(folder, fold).get(fold(path.name)):
                return Likeness(below + match, difference)
        if close := self._misspelt(path, self._names(folder)):
            return Likeness(below + close, "by a similar name")
        return self._elsewhere(path.name)

    def _misspelt(self, path: PurePosixPath, names: frozenset[str]) -> str | None:
        """The image of a similar name; names that differ in a number are of different images."""
        if len(names) > COMPARED or self._comparisons >= MISSPELT:
            return None
        self._comparisons += 1
        digits = re.findall(r"\d+", path.stem)
        stems = {
            PurePosixPath(name).stem: name
            for name in sorted(filter(_is_image, names))
            if re.findall(r"\d+", PurePosixPath(name).stem) == digits
        }
        close = get_close_matches(path.stem, stems, n=1, cutoff=CLOSE)
        return stems[close[0]] if close else None

    def _elsewhere(self, name: str) -> Likeness | None:
        """A file of that name in the root, or in another folder directly below it."""
        if self._folder_of is None:
            folders = [*reversed(self._folders("")), ""]
            self._folder_of = {name: folder for folder in folders for name in self._names(folder)}
        folder = self._folder_of.get(name)
        return None if folder is None else Likeness(f"{folder}/{name}".lstrip("/"), "in another folder")

    def _existing(self, folder: str) -> str | None:
        """The folder as it is written on disk, or None when there is none like it."""
        if folder not in self._spelt:
            spelt: str | None = ""
            for part in filter(None, folder.split("/")):
                folders = self._folders(spelt or "")
                likely = [name for name in folders if _folded(name) == _folded(part)]
                match = part if part in likely else next(iter(likely), None)
                spelt = None if match is None else f"{spelt}/{match}".lstrip("/")
                if spelt is None:
                    break
            self._spelt[folder] = spelt
        return self._spelt[folder]

    def _names(self, folder: str) -> frozenset[str]:
        if folder not in self._listed:
            try:
                with os.scandir(self.root / folder) as entries:
                    self._listed[folder] = frozenset(entry.name for entry in entries if entry.is_file())
            except (OSError, ValueError):
                self._listed[folder] = frozenset()
        return self._listed[folder]

    def _folders(self, folder: str) -> list[str]:
        if folder not in self._subfolders:
            try:
                with os.scandir(self.root / folder) as entries:
                    self._subfolders[folder] = sorted(entry.name for entry in entries if entry.is_dir())
            except (OSError, ValueError):
                self._subfolders[folder] = []
        return self._subfolders[folder]

    def _by_folded_name(self, folder: str, fold: Callable[[str], str]) -> dict[str, str]:
        key = (folder, fold.__name__)
        if key not in self._folded_names:
            self._folded_names[key] = {fold(name): name for name in sorted(self._names(folder))}
        return self._folded_names[key]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _image_stem(name: str) -> str:
    """The name of an image without its ending; other names are no image's stem and stay as they are."""
    return PurePosixPath(name).stem if _is_image(name) else name


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
