"""The files of a folder, and which of them a wrong name was probably meant for."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from attnforge.errors import Place, Problem

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""Extensions of the images that attnforge reads."""
MAX_FOLDER_FILES = 2_000
"""Larger folders are not searched for similar names: comparing takes milliseconds for each thousand."""
MAX_SEARCHES = 20
"""Searches for similar names: where more names are misspelt, something else is wrong."""
MIN_SIMILARITY = 0.8
"""Of names that are taken for each other, as `difflib` measures it."""


@dataclass(frozen=True, slots=True)
class SimilarFile:
    """A file that a name was probably meant for."""

    name: str
    """Its path below the folder."""
    difference: str
    """How it differs from the name, to follow the path after a comma."""


class Files:
    """The files below a folder; every folder is listed once.

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
        self._searches = 0

    def has(self, name: str) -> bool:
        """Whether a file exists below the folder; `name` has forward slashes."""
        folder, _, last = name.rpartition("/")
        if last in self._names(folder):
            return True
        try:
            # some file systems ignore case or Unicode normalization
            return (self.root / name).is_file()
        except (OSError, ValueError):
            return False

    def similar(self, name: str) -> SimilarFile | None:
        """The file that a name without a file was probably meant for, or None."""
        slashed = name.replace("\\", "/")
        if slashed != name and self.has(slashed):
            return SimilarFile(slashed, "with forward slashes")
        path = PurePosixPath(slashed)
        requested = path.parent.as_posix().removeprefix(".")
        folder = self._existing(requested)
        if folder is None:
            return self._elsewhere(path.name)
        below = f"{folder}/" if folder else ""
        if folder != requested and path.name in self._names(folder):
            return SimilarFile(below + path.name, "in a folder that differs in upper and lower case")
        for difference, fold in (
            ("which differs in Unicode normalization", _composed),
            ("which differs in upper and lower case", _folded),
            ("with another extension", _image_stem),
        ):
            if match := self._by_folded_name(folder, fold).get(fold(path.name)):
                return SimilarFile(below + match, difference)
        if close := self._misspelt(path, self._names(folder)):
            return SimilarFile(below + close, "a similar name")
        return self._elsewhere(path.name)

    def _misspelt(self, path: PurePosixPath, names: frozenset[str]) -> str | None:
        """The image with a similar name; names with different numbers are different images."""
        if len(names) > MAX_FOLDER_FILES or self._searches >= MAX_SEARCHES:
            return None
        self._searches += 1
        digits = re.findall(r"\d+", path.stem)
        stems = {
            PurePosixPath(name).stem: name
            for name in sorted(filter(is_image, names))
            if re.findall(r"\d+", PurePosixPath(name).stem) == digits
        }
        close = get_close_matches(path.stem, stems, n=1, cutoff=MIN_SIMILARITY)
        return stems[close[0]] if close else None

    def _elsewhere(self, name: str) -> SimilarFile | None:
        """A file with that name in the root, or in another folder directly below it."""
        if self._folder_of is None:
            folders = [*reversed(self._folders("")), ""]
            self._folder_of = {name: folder for folder in folders for name in self._names(folder)}
        folder = self._folder_of.get(name)
        return None if folder is None else SimilarFile(f"{folder}/{name}".lstrip("/"), "in another folder")

    def _existing(self, folder: str) -> str | None:
        """The folder as it is spelt on disk, or None if there is none like it."""
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
                    self._listed[folder] = frozenset(entry.name for entry in entries if _is_file(entry))
            except (OSError, ValueError):
                self._listed[folder] = frozenset()
        return self._listed[folder]

    def _folders(self, folder: str) -> list[str]:
        if folder not in self._subfolders:
            try:
                with os.scandir(self.root / folder) as entries:
                    self._subfolders[folder] = sorted(entry.name for entry in entries if _is_folder(entry))
            except (OSError, ValueError):
                self._subfolders[folder] = []
        return self._subfolders[folder]

    def _by_folded_name(self, folder: str, fold: Callable[[str], str]) -> dict[str, str]:
        key = (folder, fold.__name__)
        if key not in self._folded_names:
            self._folded_names[key] = {fold(name): name for name in sorted(self._names(folder))}
        return self._folded_names[key]


def no_folder(root: Path) -> Problem:
    """The problem of a path that is not a folder."""
    place = Place(str(root))
    if not root.exists():
        expected = "a folder with images; `data.root` of a recipe names it"
        return Problem("no-folder", "the folder does not exist", place, expected)
    step = f"attnforge data check {shlex.quote(str(root.parent))}"
    return Problem("no-folder", "the path is a file", place, "the folder that contains it", step)


def images_below(root: Path) -> Iterator[str]:
    """The images below a folder by their paths with forward slashes, in order; hidden ones are skipped."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(folder).relative_to(root)
        for name in sorted(files):
            if not name.startswith(".") and is_image(name):
                yield (inside / name).as_posix()


def common_folders(path: PurePosixPath, other: PurePosixPath) -> int:
    """How many of the last folders of two paths have the same names."""
    pairs = zip(reversed(path.parts[:-1]), reversed(other.parts[:-1]), strict=False)
    equal = [_folded(first) == _folded(second) for first, second in pairs]
    return [*equal, False].index(False)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _image_stem(name: str) -> str:
    """The name of an image without its extension; other names unchanged."""
    return PurePosixPath(name).stem if is_image(name) else name


def is_image(name: str) -> bool:
    """Whether a name has an extension of the images that attnforge reads."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
