"""Where the bytes of images are: in files of a folder, or wherever a store finds them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class StoredImage(Protocol):
    """An encoded image."""

    @property
    def name(self) -> str:
        """How messages name it."""
        ...

    def opened(self) -> AbstractContextManager[BufferedIOBase]:
        """Its bytes, as a stream that can seek.

        Raises:
            OSError: they cannot be read.
        """
        ...


@runtime_checkable
class ImageStore(Protocol):
    """The encoded images of a data set, one for each row of its metadata."""

    def image(self, index: int) -> StoredImage:
        """The image of row `index`; nothing is read yet."""
        ...


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image that is a file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def opened(self) -> AbstractContextManager[BufferedIOBase]:
        return self.path.open("rb")


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """Images that are files below a folder."""

    root: Path
    file_names: Sequence[str]
    """Their paths below the folder."""

    def image(self, index: int) -> ImageFile:
        return ImageFile(self.root / self.file_names[index])
