"""Finds the metadata files of a folder: one in it, or one in each of the folders below it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from attnforge.data.reading.fields import HELD_OUT, SPLITS
from attnforge.errors import Place, Problem

NAMES = ("metadata.jsonl", "metadata.csv")
MAX_DEPTH = 4
"""Folders below each other that are searched."""
MAX_FOLDERS = 10_000


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """A file with one line for each image."""

    path: Path
    folder: str = ""
    """Its folder below the root, which its file names are relative to."""
    split: str | None = None
    """The split of its rows that name none."""


@dataclass(frozen=True, slots=True)
class MetadataFiles:
    """The metadata files of a folder."""

    files: Sequence[MetadataFile] = ()
    problem: Problem | None = None
    """Why they cannot be read."""
    remarks: Sequence[Problem] = ()


def metadata_files(root: Path) -> MetadataFiles:
    """The metadata files of a folder, those below it only if it has none itself.

    A file in a folder named after a split, such as `train` or `validation`, holds the rows of that split.
    Where there are folders for both validation and test, only those for test are used.
    """
    files = list(_in_folder(root, "")) or list(_below(root))
    folders = [file.folder for file in files]
    if twice := [folder for folder, count in Counter(folders).items() if count > 1]:
        return MetadataFiles(problem=_two(root / twice[0]))
    if remark := single_split([file.split for file in files], "folder", root):
        return MetadataFiles([replace(file, split=None) for file in files], remarks=[remark])
    if "test" not in (_first(file) for file in files):
        return MetadataFiles(files)
    used = [file for file in files if _first(file) not in HELD_OUT]
    remarks = [
        Problem(
            "unused-metadata",
            f"the images of {file.folder} are not used, because there is a folder `test`",
            Place(str(file.path)),
            "one folder of images that are not trained on",
        )
        for file in files
        if file not in used
    ]
    return MetadataFiles(used, remarks=remarks)


def single_split(splits: Sequence[str | None], noun: str, root: Path) -> Problem | None:
    """The remark that all folders or tables are named after one split, so that a part becomes the other."""
    names = {*splits}
    if len(names) != 1 or None in names:
        return None
    (name,) = names
    message = (
        f"every {noun} of images is named after the split `{name}`: a tenth of its images, chosen by name, "
        "is for testing"
    )
    return Problem("single-split", message, Place(str(root)), f"a {noun} for each split, or another name")


def _in_folder(folder: Path, below: str) -> Iterator[MetadataFile]:
    first = below.partition("/")[0].casefold()
    split = first if first in SPLITS else "test" if first in HELD_OUT else None
    for name in NAMES:
        if (folder / name).is_file():
            yield MetadataFile(folder / name, below, split)


def _below(root: Path) -> Iterator[MetadataFile]:
    for folder, folders, _ in islice(os.walk(root), MAX_FOLDERS):
        below = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = list(_in_folder(Path(folder), below.as_posix()))
        yield from files
        if files or len(below.parts) >= MAX_DEPTH:
            folders[:] = []


def _first(file: MetadataFile) -> str:
    return file.folder.partition("/")[0].casefold()


def _two(folder: Path) -> Problem:
    message = "the folder has both metadata.jsonl and metadata.csv"
    return Problem("two-metadata-files", message, Place(str(folder)), "only one of them")
