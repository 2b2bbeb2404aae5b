"""Generated images as Python users hold them: a sequence that a notebook shows and that saves itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from attnforge.api import arguments
from attnforge.api.page import document, figures, section
from attnforge.errors import AttnforgeError, Problem, RunError
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.pages import contact_sheet
from attnforge.sheets.writing import write_animation, write_images, write_page, write_swaps

FRAME_MILLISECONDS = 200
"""How long an animation shows each image."""


class GeneratedImages(Sequence[GeneratedImage]):
    """Images in the order of their captions, those of one caption by their number.

    A notebook shows them with their captions; a word under the pointer shows where it was attended to.

    Args:
        samples: The images.
    """

    def __init__(self, samples: Iterable[GeneratedImage]) -> None:
        self._samples = tuple(samples)

    @overload
    def __getitem__(self, index: int) -> GeneratedImage: ...
    @overload
    def __getitem__(self, index: slice) -> GeneratedImages: ...
    def __getitem__(self, index: int | slice) -> GeneratedImage | GeneratedImages:
        part = self._samples[index]
        return GeneratedImages(part) if isinstance(part, tuple) else part

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def images(self) -> list[Image.Image]:
        """The largest images."""
        return [sample.image for sample in self]

    @property
    def arrays(self) -> UInt8[np.ndarray, "n h w 3"]:
        """The largest images as one array of values from 0 to 255.

        Raises:
            AttnforgeError: there are no images, such as in a slice behind the last.
        """
        self._refuse_none()
        return np.stack([sample.images[-1] for sample in self])

    @property
    def tensors(self) -> Float[Tensor, "n 3 h w"]:
        """The largest images as one tensor of values in [0, 1], on the CPU, as torchvision takes."""
        return torch.from_numpy(self.arrays).permute(0, 3, 1, 2).float() / 255

    @property
    def captions(self) -> list[str]:
        """The caption of each image."""
        return [sample.caption for sample in self]

    def save(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write the images, and return the paths of the files.

        Args:
            path: A folder, for a PNG file of each image and a contact sheet, as `attnforge sample` writes
                them; or a file: `.png` for the contact sheet, `.gif` for an animation, `.html` for the page
                that a notebook shows.

        Raises:
            AttnforgeError: it cannot be written, or the file has another ending, or there are no images.
        """
        target = _target(path)
        self._refuse_none()
        match "" if target.is_dir() else target.suffix.lower():
            case "":
                return list(write_images(self, target, attention=False))
            case ".png":
                write_page(target, lambda: contact_sheet(self, target))
            case ".gif":
                write_page(target, lambda: write_animation(self, target, milliseconds=FRAME_MILLISECONDS))
            case ".html":
                text = document(self._repr_html_())
                write_page(target, lambda: target.write_text(text, encoding="utf-8"))
            case _:
                raise RunError(_unknown_ending(target, ".png, .gif or .html"))
        return [target]

    def __repr__(self) -> str:
        captions = list(dict.fromkeys(self.captions))
        first = repr(captions[0]) if captions else "no caption"
        more = f" and {len(captions) - 1} more captions" if len(captions) > 1 else ""
        return f"<{len(self)} generated images of {first}{more}>"

    def _repr_html_(self) -> str:
        return section([("", figures(self))])

    def _refuse_none(self) -> None:
        if not self:
            raise _no_images()


class SwappedImages(Sequence[GeneratedImages]):
    """A row of images for a caption, and one for each swap of a word; column k of each has the same noise.

    Args:
        rows: The images of each caption.
    """

    def __init__(self, rows: Iterable[Iterable[GeneratedImage]]) -> None:
        self._rows = tuple(GeneratedImages(row) for row in rows)

    @overload
    def __getitem__(self, index: int) -> GeneratedImages: ...
    @overload
    def __getitem__(self, index: slice) -> SwappedImages: ...
    def __getitem__(self, index: int | slice) -> GeneratedImages | SwappedImages:
        part = self._rows[index]
        return SwappedImages(part) if isinstance(part, tuple) else part

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def captions(self) -> list[str]:
        """The caption of each row."""
        return [row[0].caption for row in self]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sheet of all rows, as `attnforge edit` writes it, and return its path.

        Args:
            path: A folder; or a file: `.png` for the sheet, `.html` for the page that a notebook shows.

        Raises:
            AttnforgeError: it cannot be written, or the file has another ending, or there are no images.
        """
        target = _target(path)
        self._refuse_none()
        match "" if target.is_dir() else target.suffix.lower():
            case "" | ".png":
                return write_swaps(self, target)
            case ".html":
                text = document(self._repr_html_())
                write_page(target, lambda: target.write_text(text, encoding="utf-8"))
            case _:
                raise RunError(_unknown_ending(target, ".png or .html"))
        return target

    def __repr__(self) -> str:
        count = len(self[0]) if self else 0
        return f"<rows of {count} generated images: {'; '.join(self.captions)}>"

    def _repr_html_(self) -> str:
        return section([(row[0].caption, figures(row)) for row in self])

    def _refuse_none(self) -> None:
        if not self:
            raise _no_images()


def _target(path: str | os.PathLike[str]) -> Path:
    return arguments.path("path", path, expected="a folder or a file to write")


def _no_images() -> AttnforgeError:
    message = "there are no images here"
    return AttnforgeError(Problem("no-images", message, expected="a slice with at least one image"))


def _unknown_ending(path: Path, endings: str) -> Problem:
    message = f"images cannot be written as {path.suffix}, to {path}"
    return Problem("images-not-written", message, expected=f"a folder, or a file that ends in {endings}")
