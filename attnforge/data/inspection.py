"""The checks of an image file, the same for training, which looks at the header, and for `data check`.

Training looks at every image before it starts, which takes some hundredths of a millisecond each: the first
bytes, the last ones and the size. `attnforge data check` goes on to the pixels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from attnforge.data.images import (
    BROKEN,
    opened_image,
    read_image_file,
    refuse_large,
    refuse_large_file,
    unreadable,
    upright_rgb,
)
from attnforge.data.jpeg import ORIENTATION, jpeg_damage, jpeg_pixels
from attnforge.data.metadata import Row
from attnforge.data.png import HEADER_BYTES, missing_rows, png_size
from attnforge.data.ranges import pixel_range
from attnforge.errors import Place, Problem

ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG\r\n\x1a\n": b"IEND\xaeB`\x82"}
"""How a JPEG and a PNG begin, and what stands at their end."""
TAIL = 1 << 16
"""Bytes at the end among which the end is looked for: some cameras and sites write behind it."""
FAINT = 16
"""Levels of 255 that the pixels of an image without contrast span at most; 12 bits in 16 span as many."""
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in an image file, and what is wrong with it."""

    problems: tuple[Problem, ...] = ()
    """Why it cannot be trained on."""
    remarks: tuple[Problem, ...] = ()
    """What to look at: a guess that was made, an image that shows nothing."""
    size: str | None = None
    """`width x height` when upright; None where it cannot be read or was not asked for."""
    mode: str | None = None
    """Pillow's mode of the file."""


def look(
    root: Path, row: Row, *, place: Place | None = None, next_step: str | None = None
) -> tuple[Problem, ...]:
    """What the header and the end of an image file show to be wrong, without decoding it.

    Args:
        root: The folder that its name starts from.
        row: The image.
        place: Where the image is named, for the problem.
        next_step: The command that finds or mends it.
    """
    path = root / row.file_name
    try:
        with path.open("rb") as stream:
            return _look_at(stream, path, row, place, next_step)
    except BROKEN as error:
        return (unreadable(path, error, place=place, next_step=next_step),)


def inspect(root: Path, row: Row, *, place: Place | None = None, next_step: str | None = None) -> Inspection:
    """Everything that is to be said of an image file: what `look` sees, and then its pixels.

    Args:
        root: The folder that its name starts from.
        row: The image.
        place: Where the image is named, for the problems.
        next_step: The command that finds or mends it.
    """
    path = root / row.file_name
    try:
        data = read_image_file(path)
        if problems := _look_at(BytesIO(data), path, row, place, next_step):
            return Inspection(problems=problems)
        with opened_image(BytesIO(data)) as image:
            mode = image.mode
            whole = jpeg_pixels(data)
            blank_end = whole is None and _ends_blank(image)
            shown = upright_rgb(image) if whole is None else Image.fromarray(whole)
            remarks = [*_range_remarks(image, row, place), *_contrast_remarks(shown, row, place)]
        # rows that a file lacks are blank in memory, so only such an end is worth unpacking again
        lacking = missing_rows(data) if blank_end else 0
    except BROKEN as error:
        return Inspection(problems=(unreadable(path, error, place=place, next_step=next_step),))
    broken = []
    if lacking:
        message = f"image {path} cannot be read: it lacks {lacking} rows of pixels"
        broken.append(Problem("broken-image", message, place, "a whole image", next_step))
    elif whole is None and (damage := jpeg_damage(data)):
        message = f"image {path} is damaged: {damage}; parts of it may look wrong"
        broken.append(Problem("damaged-image", message, place, "a whole image", next_step))
    return Inspection(
        problems=tuple(broken), remarks=tuple(remarks), size=f"{shown.width} x {shown.height}", mode=mode
    )


def _look_at(
    stream: BufferedIOBase, path: Path, row: Row, place: Place | None, next_step: str | None
) -> tuple[Problem, ...]:
    if _is_cut_short(stream):
        message = f"image {path} cannot be read: it is cut short, its end is missing"
        return (Problem("broken-image", message, place, "a whole image", next_step),)
    stream.seek(0)
    size = png_size(stream.read(HEADER_BYTES))
    if size is None or row.box is not None:
        stream.seek(0)
        with opened_image(stream) as image:
            size = _upright_size(image)
    refuse_large(*size)
    return _box_problems(row, size, place, next_step)


def _is_cut_short(stream: BufferedIOBase) -> bool:
    head = stream.read(8)
    size = stream.seek(0, os.SEEK_END)
    refuse_large_file(size)
    end = next((end for start, end in ENDS.items() if head.startswith(start)), None)
    if end is None:
        return False
    for tail in (len(end), TAIL):
        stream.seek(max(0, size - tail))
        if end in stream.read(tail):
            return False
    return True


def _ends_blank(image: Image.Image) -> bool:
    """Whether the last row of an image's pixels is 0 throughout."""
    image.load()
    return image.crop((0, image.height - 1, *image.size)).getbbox() is None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # of a PNG that does not say so before its pixels, Pillow would decode them to ask
    told = image.format != "PNG" or "exif" in image.info
    sideways = told and image.getexif().get(ORIENTATION) in SIDEWAYS
    return (height, width) if sideways else (width, height)


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
    kind = "floats" if image.mode == "F" else "whole numbers of 32 bits"
    message = f"{row.file_name} holds {kind}, which have no white of their own: {white:,} was taken for white"
    return (Problem("pixel-range", message, place, "8 or 16 bits, where nothing has to be guessed"),)


def _contrast_remarks(shown: Image.Image, row: Row, place: Place | None) -> Sequence[Problem]:
    bands: Sequence[Any] = shown.getextrema()
    if max(lightest - darkest for darkest, lightest in bands) > FAINT:
        return ()
    darkest, lightest = min(low for low, _ in bands), max(high for _, high in bands)
    message = f"{row.file_name} shows next to nothing: its levels go from {darkest} to {lightest} of 255"
    return (Problem("no-contrast", message, place, "an image with light and dark parts"),)
