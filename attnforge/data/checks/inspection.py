"""Checks of an image file, shared by training and `attnforge data check`.

Before its first step, training checks the first and last bytes and the size of every image, which takes a few
hundredths of a millisecond each. `attnforge data check` also decodes the pixels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase, BytesIO
from typing import Any

from PIL import Image

from attnforge.data.images.jpeg import ORIENTATION, jpeg_damage, jpeg_pixels
from attnforge.data.images.opening import (
    BROKEN,
    opened_image,
    read_image,
    refuse_large,
    refuse_large_file,
    unreadable,
    upright_rgb,
)
from attnforge.data.images.png import HEADER_BYTES, missing_rows, png_size
from attnforge.data.images.ranges import pixel_range
from attnforge.data.images.stored import StoredImage
from attnforge.data.reading.rows import Row
from attnforge.errors import Place, Problem

END_MARKERS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG\r\n\x1a\n": b"IEND\xaeB`\x82"}
"""The first and the last bytes of JPEG and of PNG files."""
TAIL_BYTES = 1 << 16
"""Last bytes that are searched for the end marker: some cameras and sites append data to it."""
LOW_CONTRAST_LEVELS = 16
"""An image whose pixels span at most so many of 255 levels is remarked on; 12 bits in 16 span as many."""
SWAPPED_ORIENTATIONS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """Size, mode and problems of an image file."""

    problems: tuple[Problem, ...] = ()
    """Why it cannot be trained on."""
    remarks: tuple[Problem, ...] = ()
    """Worth a look: a guessed range of pixels, an image without contrast."""
    size: str | None = None
    """`width x height` when upright; None if it could not be read."""
    mode: str | None = None
    """Its mode in Pillow."""


def inspect_header(
    image: StoredImage, row: Row, *, place: Place | None = None, next_step: str | None = None
) -> tuple[Problem, ...]:
    """The problems that the header and the end of an image file show, without decoding it.

    Args:
        image: The encoded image.
        row: Its metadata.
        place: Where the image is named, for the problem.
        next_step: The command that shows or repairs it.
    """
    try:
        with image.opened() as stream:
            return _header_problems(stream, image.name, row, place, next_step)
    except BROKEN as error:
        return (unreadable(image, error, place=place, next_step=next_step),)


def inspect_image(
    image: StoredImage, row: Row, *, place: Place | None = None, next_step: str | None = None
) -> Inspection:
    """Check an image file completely: what `inspect_header` checks, and then its pixels.

    Args:
        image: The encoded image.
        row: Its metadata.
        place: Where the image is named, for the problems.
        next_step: The command that shows or repairs it.
    """
    path = image.name
    try:
        data = read_image(image)
        if problems := _header_problems(BytesIO(data), path, row, place, next_step):
            return Inspection(problems=problems)
        with opened_image(BytesIO(data)) as opened:
            mode = opened.mode
            pixels = jpeg_pixels(data)
            blank_end = pixels is None and _ends_blank(opened)
            decoded = upright_rgb(opened) if pixels is None else Image.fromarray(pixels)
            remarks = [*_range_remarks(opened, row, place), *_contrast_remarks(decoded, row, place)]
        # missing rows decode as zeros, so only images that end in zeros are decompressed again
        missing = missing_rows(data) if blank_end else 0
    except BROKEN as error:
        return Inspection(problems=(unreadable(image, error, place=place, next_step=next_step),))
    damages = []
    if missing:
        message = f"image {path} cannot be read: its last {missing} rows of pixels are missing"
        damages.append(Problem("broken-image", message, place, "an intact image", next_step))
    elif pixels is None and (damage := jpeg_damage(data)):
        message = f"image {path} is damaged: {damage}; parts of it may decode wrongly"
        damages.append(Problem("damaged-image", message, place, "an intact image", next_step))
    return Inspection(
        problems=tuple(damages),
        remarks=tuple(remarks),
        size=f"{decoded.width} x {decoded.height}",
        mode=mode,
    )


def _header_problems(
    stream: BufferedIOBase, path: str, row: Row, place: Place | None, next_step: str | None
) -> tuple[Problem, ...]:
    if _is_truncated(stream):
        message = f"image {path} cannot be read: the file is truncated"
        return (Problem("broken-image", message, place, "an intact image", next_step),)
    stream.seek(0)
    size = png_size(stream.read(HEADER_BYTES))
    if size is None or row.box is not None:
        stream.seek(0)
        with opened_image(stream) as image:
            size = _upright_size(image)
    refuse_large(*size)
    return _box_problems(row, size, place, next_step)


def _is_truncated(stream: BufferedIOBase) -> bool:
    head = stream.read(8)
    size = stream.seek(0, os.SEEK_END)
    refuse_large_file(size)
    end = next((end for start, end in END_MARKERS.items() if head.startswith(start)), None)
    if end is None:
        return False
    for tail in (len(end), TAIL_BYTES):
        stream.seek(max(0, size - tail))
        if end in stream.read(tail):
            return False
    return True


def _ends_blank(image: Image.Image) -> bool:
    """Whether the last row of pixels is all zeros."""
    image.load()
    return image.crop((0, image.height - 1, *image.size)).getbbox() is None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # Pillow would decode a PNG to look for EXIF data behind its pixels
    has_exif = image.format != "PNG" or "exif" in image.info
    swapped = has_exif and image.getexif().get(ORIENTATION) in SWAPPED_ORIENTATIONS
    return (height, width) if swapped else (width, height)


def _box_problems(
    row: Row, size: tuple[int, int], place: Place | None, next_step: str | None
) -> tuple[Problem, ...]:
    if row.box is None:
        return ()
    (left, top, width, height), (columns, rows) = row.box, size
    if left < columns and top < rows and left + width > 0 and top + height > 0:
        return ()
    message = f"the bbox of {row.file_name} lies outside its {columns} x {rows} pixels"
    return (Problem("bad-box", message, place, "[left, top, width, height] within the image", next_step),)


def _range_remarks(image: Image.Image, row: Row, place: Place | None) -> Sequence[Problem]:
    if image.mode not in ("I", "F"):
        return ()
    white = pixel_range(image).white
    kind = "floats" if image.mode == "F" else "32-bit integers"
    message = f"{row.file_name} holds {kind}, which define no white level; assuming {white:,}"
    return (Problem("pixel-range", message, place, "8 or 16 bits per channel, whose white level is defined"),)


def _contrast_remarks(image: Image.Image, row: Row, place: Place | None) -> Sequence[Problem]:
    bands: Sequence[Any] = image.getextrema()
    if max(lightest - darkest for darkest, lightest in bands) > LOW_CONTRAST_LEVELS:
        return ()
    darkest, lightest = min(low for low, _ in bands), max(high for _, high in bands)
    message = f"{row.file_name} has almost no contrast: its levels range from {darkest} to {lightest} of 255"
    return (Problem("no-contrast", message, place, "an image with light and dark parts"),)
