"""Opens images of the supported formats, in any mode, as upright RGB, and bounds their size."""

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

from attnforge.data.images.ranges import UnknownRangeError, to_levels
from attnforge.data.images.stored import StoredImage
from attnforge.errors import DataError, ImageError, Place, Problem

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""The formats that Pillow may open; of the dozens of others, some start other programs."""
MAX_PIXELS = 178_000_000
"""Larger images are not decoded: in RGB they would take more than half a gigabyte each."""
MAX_FILE_BYTES = 1 << 30
OTHER_SIGNATURES = {
    b"%!PS": "a PostScript file",
    b"%PDF": "a PDF file",
    b"8BPS": "a Photoshop file",
    b"<": "a web page or an SVG image",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
    b"\0\0\1\0": "an icon",
    b"PK\3\4": "a zip archive",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
}
"""The first bytes of files that are often mistaken for supported images."""
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
"""What Pillow raises for files that are damaged, are not images, or claim absurd sizes."""


class TooLargeError(ValueError):
    """An image or a file is too large to decode."""


@contextmanager
def opened_image(source: Path | BufferedIOBase) -> Iterator[Image.Image]:
    """Open an image of one of `FORMATS` without decoding its pixels; every image is opened here.

    Raises:
        TooLargeError: it has more than `MAX_PIXELS`.
        OSError: there is no such file, or it has another format.
    """
    with warnings.catch_warnings():
        # Pillow warns at half of MAX_PIXELS
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(cast("Path", source), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise TooLargeError(error_line(error)) from error
    with image:
        refuse_large(*image.size)
        yield image


def refuse_large(width: int, height: int) -> None:
    """Refuse to decode an image of too many pixels.

    Raises:
        TooLargeError: it has more than `MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        raise TooLargeError(f"{width:,} x {height:,} pixels are more than {MAX_PIXELS:,}")


def read_image(image: StoredImage) -> bytes:
    """The bytes of an encoded image.

    Raises:
        TooLargeError: there are more than `MAX_FILE_BYTES`.
        OSError: they cannot be read.
    """
    with image.opened() as stream:
        refuse_large_file(stream.seek(0, os.SEEK_END))
        stream.seek(0)
        return stream.read()


def refuse_large_file(size: int) -> None:
    """Refuse to read a file of too many bytes.

    Raises:
        TooLargeError: there are more than `MAX_FILE_BYTES`.
    """
    if size > MAX_FILE_BYTES:
        raise TooLargeError(f"the file has more than {MAX_FILE_BYTES:,} bytes")


def open_image(image: StoredImage, *, background: str = "white", place: Place | None = None) -> Image.Image:
    """Open an image as RGB, rotated by its EXIF orientation, transparent parts on `background`.

    Args:
        image: The encoded image.
        background: A colour name or `#rrggbb`.
        place: Where the image is named, for the error.

    Raises:
        ImageError: it is missing, too large, damaged or not an image.
    """
    try:
        with image.opened() as stream, opened_image(stream) as opened:
            return upright_rgb(opened, background=background)
    except BROKEN as error:
        raise ImageError(unreadable(image, error, place=place)) from error


def upright_rgb(image: Image.Image, *, background: str = "white") -> Image.Image:
    """An opened image, decoded, rotated and converted to RGB; independent of the file.

    Raises:
        Exception: one of `BROKEN`: its pixels cannot be decoded.
    """
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return to_rgb(image, background=background)


def unreadable(
    image: StoredImage, error: BaseException, *, place: Place | None = None, next_step: str | None = None
) -> Problem:
    """The problem of an image that could not be opened, from what Pillow raised."""
    path = image.name
    match error:
        case FileNotFoundError():
            return Problem("missing-file", f"there is no image {path}", place, next_step=next_step)
        case TooLargeError():
            message = f"image {path} is too large to decode: {error}"
            expected = f"an image of at most {MAX_PIXELS:,} pixels: scale it down; training does so anyway"
            return Problem("image-too-large", message, place, expected, next_step)
        case MemoryError():
            message = f"image {path} does not fit in the available memory"
            return Problem("image-too-large", message, place, "a smaller image, or more memory", next_step)
        case UnknownRangeError():
            message = f"image {path} has an unknown range of pixels: {error}"
            expected = "integers from 0 to 255 or 65,535, or floats from 0 to 1"
            return Problem("pixel-range", message, place, expected, next_step)
        case UnidentifiedImageError() if (kind := _other_kind(image)) is not None:
            message = f"image {path} cannot be read: it is {kind}"
            return Problem("image-format", message, place, f"one of {', '.join(FORMATS)}", next_step)
        case UnidentifiedImageError():
            message = f"image {path} cannot be read: it is empty or not an image"
            return Problem("broken-image", message, place, "an intact image", next_step)
        case OSError(strerror=str(reason)):
            message = f"image {path} cannot be read: {reason}"
            return Problem("broken-image", message, place, "a readable file", next_step)
        case _:
            message = f"image {path} cannot be read: {error_line(error)}"
            return Problem("broken-image", message, place, "an intact image", next_step)


def to_rgb(image: Image.Image, *, background: str = "white") -> Image.Image:
    """Convert an image of any mode to RGB: deep greys keep their range, transparent parts show `background`.

    Raises:
        ValueError: the white level of its pixels is unknown.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return to_levels(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    page = Image.new("RGBA", image.size, (*parse_colour(background), 255))
    return Image.alpha_composite(page, image.convert("RGBA")).convert("RGB")


def parse_colour(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour name or `#rrggbb`.

    Raises:
        DataError: the colour is unknown.
    """
    try:
        return ImageColor.getcolor(colour, "RGB")  # type: ignore[return-value]
    except ValueError as error:
        message = f"{colour!r} is not a colour"
        raise DataError(
            Problem("bad-colour", message, expected="a name such as white, or #rrggbb")
        ) from error


def error_line(error: BaseException) -> str:
    """The message of an exception in one line, or its type if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _other_kind(image: StoredImage) -> str | None:
    """What kind of file it is, of those that are not supported; None if that is unknown."""
    with image.opened() as stream:
        head = stream.read(32)
    if head[4:8] == b"ftyp":
        return {b"avif": "an AVIF image", b"qt  ": "a video"}.get(head[8:12], "an HEIF image or a video")
    return next((name for start, name in OTHER_SIGNATURES.items() if head.lstrip().startswith(start)), None)
