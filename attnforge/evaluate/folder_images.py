"""Images of any system, read from a folder with their captions."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from attnforge.data.fingerprint import stored_digest
from attnforge.data.images.decoding import decode
from attnforge.data.images.opening import BROKEN, unreadable
from attnforge.data.images.stored import ImageFile
from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.data.reading.metadata import read_metadata
from attnforge.data.reading.metadata_files import metadata_files
from attnforge.errors import DataError, ImageError, Place, Problem
from attnforge.evaluate.cache import digest_of
from attnforge.evaluate.quantise import from_bytes

INDEX = "index.jsonl"
"""In each folder of a block that `attnforge sample --captions` writes."""
EXPECTED = (
    "metadata.jsonl with `file_name` and `text`, the blocks of `attnforge sample --captions`, "
    "or images alone for metrics without captions"
)


@dataclass(frozen=True)
class FolderImages:
    """The images of a folder, an `ImageSource`, in the order of their names."""

    files: Sequence[ImageFile]
    captions: Sequence[str]
    """Empty where the folder has no captions."""
    size: tuple[int, int]
    """Width and height, the same for all images."""
    device: torch.device

    @classmethod
    def read(cls, folder: Path, *, device: torch.device) -> FolderImages:
        """List the images, and check their sizes by their headers.

        Captions come from `metadata.jsonl` or `metadata.csv`, of which the first of an image counts, or from
        the index of the blocks that `attnforge sample` writes.

        Raises:
            DataError: there are no images, or two of different sizes.
            ImageError: one cannot be read.
        """
        listed = _blocks(folder) or _metadata(folder) or [(path, "") for path in _images(folder)]
        if not listed:
            message = f"{folder} has no images"
            raise DataError(Problem("empty-data", message, Place(str(folder)), EXPECTED, f"ls {folder}"))
        listed.sort(key=lambda row: row[0].as_posix())
        sizes: dict[tuple[int, int], Path] = {}
        for path, _ in listed:
            sizes.setdefault(_size(path), path)
        if len(sizes) > 1:
            (first, path), (second, other) = list(sizes.items())[:2]
            message = (
                f"images of {folder} differ in size: {path.name} has {first[0]} x {first[1]} pixels, "
                f"{other.name} {second[0]} x {second[1]}"
            )
            expected = "images of one size, as one system writes them"
            raise DataError(Problem("image-sizes-differ", message, Place(str(folder)), expected))
        files = [ImageFile(path) for path, _ in listed]
        return cls(files, [caption for _, caption in listed], next(iter(sizes)), device)

    @cached_property
    def digest(self) -> str:
        """Of the names, captions, and the size and some bytes of each file."""
        contents = [stored_digest(file) for file in self.files]
        names = [file.path.name for file in self.files]
        return digest_of([names, list(self.captions), contents])

    def images(self, numbers: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """The images of some numbers.

        Raises:
            ImageError: one cannot be read.
        """
        pixels = [decode(self.files[number])[0] for number in numbers]
        return from_bytes(torch.stack(pixels)).to(self.device)


def _blocks(folder: Path) -> list[tuple[Path, str]]:
    """The images of blocks with their captions, if the folder has blocks."""
    rows = []
    for index in sorted(folder.glob(f"*/{INDEX}")):
        for line, text in enumerate(index.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                values = json.loads(text)
                rows.append((index.parent / values["file"], str(values["caption"])))
            except (ValueError, KeyError, TypeError) as error:
                message = "the line is not an object with `file` and `caption`"
                raise DataError(Problem("bad-index", message, Place(str(index), line))) from error
    return rows


def _metadata(folder: Path) -> list[tuple[Path, str]]:
    """The images of a metadata file with the first caption of each, if the folder has one."""
    if not metadata_files(folder).files:
        return []
    metadata = read_metadata(folder)
    if metadata.problems:
        raise DataError(list(metadata.problems))
    return [(folder / row.file_name, row.captions[0]) for row in metadata.rows]


def _images(folder: Path) -> list[Path]:
    """All images below a folder, hidden ones left out."""
    paths = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [
            Path(parent) / name
            for name in files
            if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
        ]
    return paths


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except BROKEN as error:
        raise ImageError(unreadable(ImageFile(path), error)) from error
