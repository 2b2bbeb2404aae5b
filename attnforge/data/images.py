"""Opens images of the formats that are meant, of any mode, as upright RGB; bounds their size first."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError

from attnforge.data.ranges import UnknownRangeError, to_levels
from attnforge.errors import DataError, Place, Problem

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What Pillow may take a file for; it knows dozens more, of which some start other programs."""
MAX_PIXELS = 178_000_000
"""Larger images are not expanded: in RGB they would take more than half a gigabyte each."""
MAX_FILE_BYTES = 1 << 30
OTHERS = {
    b"%!PS": "a PostScript file",
    b"%PDF": "a PDF file",
    b"8BPS": "a Photoshop file",
    b"<": "a web page or an SVG drawing",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
    b"\0\0\1\0": "an icon",
    b"PK\3\4": "a zip archive",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
}
"""How files begin that people take for images, or find in their place."""
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
"""What Pillow raises on files that are damaged, are no images, or claim absurd sizes."""


class TooLargeError(ValueError):
    """An image or a file that is not expanded because of its size."""


@contextmanager
def opened_image(source: Path | BufferedIOBase) -> Iterator[Image.Image]:
    """An image of one of `FORMATS`, its header read and its pixels not yet; every image is opened here.

    Raises:
        TooLargeError: it has more than `MAX_PIXELS`.
        OSError: there is no such file, or it is of none of these formats.
    """
    with warnings.catch_warnings():
        # Pillow warns on standard error at half of the bound that is held here
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(cast("Path", source), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise TooLargeError(said(error)) from error
    with image:
        refuse_large(*image.size)
        yield image


def refuse_large(width: int, height: int) -> None:
    """Refuse to expand an image of so many pixels.

    Raises:
        TooLargeError: it has more than `MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        raise TooLargeError(f"{width:,} x {height:,} pixels are more than {MAX_PIXELS:,}")


def read_image_file(path: Path) -> bytes:
    """The bytes of an image file.

    Raises:
        TooLargeError: there are more than `MAX_FILE_BYTES`.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        refuse_large_file(os.fstat(stream.fileno()).st_size)
        return stream.read()


def refuse_large_file(size: int) -> None:
    """Refuse to read a file of so many bytes.

    Raises:
        TooLargeError: there are more than `MAX_FILE_BYTES`.
    """
    if size > MAX_FILE_BYTES:
        raise TooLargeError(f"the file has more than {MAX_FILE_BYTES:,} bytes")


def open_image(path: Path, *, background: str = "white", place: Place | None = None) -> Image.Image:
    """An image in RGB, turned as its EXIF data says, transparent parts on `background`.

    Args:
        path: The file.
        background: A colour's name, or `#rrggbb`.
        place: Where the image is named, for the error.

    Raises:
        DataError: the file is missing, too large, damaged or no image.
    """
    try:
        with opened_image(path) as image:
            return upright_rgb(image, background=background)
    except BROKEN as error:
        raise DataError(unreadable(path, error, place=place)) from error


def upright_rgb(image: Image.Image, *, background: str = "white") -> Image.Image:
    """An opened image, decoded, turned and in RGB; it is not kept open.

    Raises:
        Exception: one of `BROKEN`, when its pixels cannot be decoded.
    """
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return to_rgb(image, background=background)


def unreadable(
    path: Path, error: BaseException, *, place: Place | None = None, next_step: str | None = None
) -> Problem:
    """The problem of a file that could not be opened as an image, by what Pillow raised."""
    match error:
        case FileNotFoundError():
            return Problem("missing-file", f"there is no image {path}", place, next_step=next_step)
        case TooLargeError():
            message = f"image {path} is too large to be expanded: {error}"
            expected = f"an image of at most {MAX_PIXELS:,} pixels: scale it down, training does so anyway"
            return Problem("image-too-large", message, place, expected, next_step)
        case MemoryError():
            message = f"image {path} is too large for the memory that is left"
            return Problem("image-too-large", message, place, "a smaller image, or more memory", next_step)
        case UnknownRangeError():
            message = f"image {path} cannot be shown: {error}"
            expected = "levels of 0 to 255 or 65,535, or shares of 0 to 1 as floats"
            return Problem("pixel-range", message, place, expected, next_step)
        case UnidentifiedImageError() if (kind := _other_kind(path)) is not None:
            message = f"image {path} cannot be read: it is {kind}"
            return Problem("image-format", message, place, f"one of {', '.join(FORMATS)}", next_step)
        case UnidentifiedImageError():
            message = f"image {path} cannot be read: it is empty or no image"
            return Problem("broken-image", message, place, "a whole image", next_step)
        case OSError(strerror=str(reason)):
            message = f"image {path} cannot be read: {reason}"
            return Problem("broken-image", message, place, "a file that can be read", next_step)
        case _:
            message = f"image {path} cannot be read: {said(error)}"
            return Problem("broken-image", message, place, "a whole image", next_step)


def to_rgb(image: Image.Image, *, background: str = "white") -> Image.Image:
    """An image of any mode in RGB; deep greys keep their range, transparency shows the background.

    Raises:
        ValueError: it holds numbers of which nothing says which is white.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return to_levels(image).convert("RGB")
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


def _other_kind(path: Path) -> str | None:
    """What a file is that is no image of the formats that are meant; None when nothing tells."""
    with path.open("rb") as stream:
        begins = stream.read(32)
    if begins[4:8] == b"ftyp":
        return {b"avif": "an AVIF image", b"qt  ": "a film"}.get(begins[8:12], "an HEIF image or a film")
    return next((name for start, name in OTHERS.items() if begins.lstrip().startswith(start)), None)
