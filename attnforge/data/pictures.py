"""Opens pictures of any mode as upright RGB, whatever their transparency, depth or colour space."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from attnforge.errors import DataError, Place, Problem

BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    TypeError,
    KeyError,
    EOFError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises on files that are damaged, are no pictures, or claim absurd sizes."""


def open_picture(path: Path, *, background: str = "white", place: Place | None = None) -> Image.Image:
    """A picture in RGB, turned as its EXIF data says, transparent parts on `background`.

    Args:
        path: The file.
        background: A colour's name, or `#rrggbb`.
        place: Where the picture is named, for the error.

    Raises:
        DataError: the file is missing, damaged or no picture.
    """
    try:
        with Image.open(path) as opened:
            opened.load()
            ImageOps.exif_transpose(opened, in_place=True)
            return to_rgb(opened, background=background)
    except FileNotFoundError as error:
        problem = Problem("missing-file", f"there is no picture {path}", place)
        raise DataError(problem) from error
    except BROKEN as error:
        message = f"picture {path} cannot be read: {said(error)}"
        raise DataError(Problem("broken-picture", message, place, "a whole picture")) from error


def to_rgb(image: Image.Image, *, background: str = "white") -> Image.Image:
    """A picture of any mode in RGB; 16-bit greys keep their range, transparency shows the background."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    page = Image.new("RGBA", image.size, (*parse_colour(background), 255))
    return Image.alpha_composite(page, image.convert("RGBA")).convert("RGB")


def parse_colour(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour's name or `#rrggbb`.

    Raises:
        DataError: no such colour.
    """
    try:
        return ImageColor.getcolor(colour, "RGB")  # type: ignore[return-value]
    except ValueError as error:
        message = f"{colour!r} is no colour"
        raise DataError(
            Problem("bad-colour", message, expected="a name such as white, or #rrggbb")
        ) from error


def said(error: BaseException) -> str:
    """What an exception says in one line, or its name when it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """16-bit and wider greys as 8 bits: 65,535 is white; floats up to 1 are taken as shares of white."""
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F" and values.size and values.max() <= 1.0:
        values = values * 65535.0
    return Image.fromarray(np.clip(np.rint(values / 257.0), 0, 255).astype(np.uint8))
