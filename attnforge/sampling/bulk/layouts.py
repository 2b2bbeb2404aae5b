"""Writes the images of a block to disk: a folder of files, a tar archive or a NumPy archive.

A block is written beside its place, under a name of its own, and moved into place when it is whole.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from attnforge.sampling.bulk.encoding import SUFFIXES, ImageFormat, encode_image

Format = Literal["png", "jpeg", "npz"]
INDEX = "index.jsonl"
"""In a folder, one object a file: its name, size, line, number and caption."""
TAR_END = bytes(1024)
"""The blocks of zeros that end a whole tar archive."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """Which image of a captions file."""

    line: int
    """The line of its caption, counted from 1."""
    index: int
    """Which image of that line, from 0."""
    caption: str

    @property
    def key(self) -> str:
        """The name of its file without suffix; sorted, it has the order of the captions."""
        return f"{self.line:09d}-{self.index:03d}"

    def fields(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"line": self.line, "index": self.index, "caption": self.caption}


@runtime_checkable
class BlockWriter(Protocol):
    """Writes one block; `add` may be called by several threads at once."""

    def add(self, name: ImageName, pixels: UInt8[np.ndarray, "h w 3"]) -> None: ...
    def finish(self) -> None:
        """Move the block into place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where and how blocks are written.

    Args:
        folder: The folder of all blocks.
        format: The format of images; `npz` holds their pixels.
        shards: Whether the files of a block are one tar archive, as WebDataset reads it.
        quality: Of JPEG, from 1 to 100.
    """

    folder: Path
    format: Format = "png"
    shards: bool = False
    quality: int = 95

    def place(self, block: int) -> Path:
        """The path of a block."""
        suffix = ".npz" if self.format == "npz" else ".tar" if self.shards else ""
        return self.folder / f"{block:06d}{suffix}"

    def is_whole(self, block: int, *, images: int) -> bool:
        """Whether a block is there with all of its images: by sizes of files and ends of archives."""
        place = self.place(block)
        try:
            if self.format == "npz":
                return _npz_is_whole(place, images)
            return _tar_is_whole(place) if self.shards else _folder_is_whole(place, images)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return False

    def writer(self, block: int, *, scratch: Path) -> BlockWriter:
        """What writes a block, with drafts in a folder on the same file system."""
        place = self.place(block)
        if self.format == "npz":
            return NpzWriter(place, scratch / place.name)
        if self.shards:
            return TarWriter(place, scratch / place.name, self.format, self.quality)
        return FolderWriter(place, scratch / place.name, self.format, self.quality)


@dataclass(slots=True)
class FolderWriter:
    """A folder with a file for each image and an index."""

    place: Path
    draft: Path
    format: ImageFormat
    quality: int
    _sizes: dict[ImageName, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draft.mkdir()

    def add(self, name: ImageName, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
        """Encode and write one image."""
        data = encode_image(pixels, self.format, quality=self.quality)
        (self.draft / self._file(name)).write_bytes(data)
        self._sizes[name] = len(data)

    def finish(self) -> None:
        """Write the index and move the folder into place."""
        with (self.draft / INDEX).open("w", encoding="utf-8") as index:
            for name, size in sorted(self._sizes.items(), key=lambda item: item[0].key):
                row = {"file": self._file(name), **name.fields(), "bytes": size}
                index.write(json.dumps(row, ensure_ascii=False) + "\n")
            _sync(index)
        if self.place.exists():  # not whole
            shutil.rmtree(self.place)
        self.draft.rename(self.place)

    def _file(self, name: ImageName) -> str:
        return name.key + SUFFIXES[self.format]


@dataclass(slots=True)
class TarWriter:
    """A tar archive with an image and its JSON for each key, in the order of the captions."""

    place: Path
    draft: Path
    format: ImageFormat
    quality: int
    _files: dict[ImageName, bytes] = field(default_factory=dict)

    def add(self, name: ImageName, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
        """Encode one image."""
        self._files[name] = encode_image(pixels, self.format, quality=self.quality)

    def finish(self) -> None:
        """Write the archive and move it into place."""
        with self.draft.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                for name in sorted(self._files, key=lambda name: name.key):
                    _add_member(archive, name.key + SUFFIXES[self.format], self._files[name])
                    fields = json.dumps(name.fields(), ensure_ascii=False)
                    _add_member(archive, name.key + ".json", fields.encode())
            _sync(file)
        self.draft.replace(self.place)


@dataclass(slots=True)
class NpzWriter:
    """A NumPy archive of pixels, lines, indices and captions, in the order of the captions."""

    place: Path
    draft: Path
    _pixels: dict[ImageName, np.ndarray] = field(default_factory=dict)

    def add(self, name: ImageName, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
        """Keep one image."""
        self._pixels[name] = pixels

    def finish(self) -> None:
        """Write the archive and move it into place."""
        names = sorted(self._pixels, key=lambda name: name.key)
        empty = np.zeros((0, 0, 0, 3), np.uint8)
        arrays: dict[str, Any] = {
            "images": np.stack([self._pixels[name] for name in names]) if names else empty,
            "lines": np.array([name.line for name in names], np.int64),
            "indices": np.array([name.index for name in names], np.int64),
            "captions": np.array([name.caption for name in names], np.str_),
        }
        with self.draft.open("wb") as file:
            np.savez(file, **arrays)
            _sync(file)
        self.draft.replace(self.place)


def _sync(file: Any) -> None:
    """Put a file on the disk before it gets its name, so that a power cut leaves no half of it there."""
    file.flush()
    os.fsync(file.fileno())


def _add_member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _folder_is_whole(folder: Path, images: int) -> bool:
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(folder)}
    rows = [json.loads(line) for line in (folder / INDEX).read_text(encoding="utf-8").splitlines()]
    return len(rows) == images and all(sizes.get(row["file"]) == row["bytes"] for row in rows)


def _tar_is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(TAR_END)))
        return size >= len(TAR_END) and size % tarfile.RECORDSIZE == 0 and file.read() == TAR_END


def _npz_is_whole(path: Path, images: int) -> bool:
    with np.load(path) as archive:  # without pickles
        return archive["lines"].shape == (images,) and "images" in archive
