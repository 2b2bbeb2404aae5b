"""Decodes JPEG files with libjpeg-turbo straight into an array, and says when they are damaged.

Pillow decodes with the same library, but into memory of its own, from which pixels are copied twice, and it
passes over damage that leaves no hole.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from simplejpeg import decode_jpeg, decode_jpeg_header  # type: ignore[import-untyped]

from attnforge.data.images import MAX_PIXELS, opened_image

START, SCAN = b"\xff\xd8", b"\xff\xda"
PLAIN = ("Gray", "YCbCr", "RGB")
"""Colours that become RGB in one way only."""
ORIENTATION = 0x0112
"""The EXIF tag that says how a photograph must be turned."""


def jpeg_pixels(data: bytes) -> UInt8[np.ndarray, "h w 3"] | None:
    """The pixels of a whole and upright JPEG in grey or colour; None of everything else."""
    if not data.startswith(START):
        return None
    try:
        height, width, colours, _ = decode_jpeg_header(data)
        if colours not in PLAIN or height * width > MAX_PIXELS or _is_turned(data):
            return None
        pixels: UInt8[np.ndarray, "h w 3"] = decode_jpeg(data, colorspace="RGB")
    except ValueError:
        return None
    return pixels


def jpeg_damage(data: bytes) -> str | None:
    """What the decoder stumbles over in a JPEG that Pillow opens; None of whole ones and of other files."""
    if not data.startswith(START):
        return None
    try:
        height, width, colours, _ = decode_jpeg_header(data)
        if colours in PLAIN and height * width <= MAX_PIXELS:
            decode_jpeg(data, colorspace="RGB")
    except ValueError as error:
        return " ".join(str(error).split())
    return None


def _is_turned(data: bytes) -> bool:
    if data.find(b"Exif\0\0", 0, data.find(SCAN)) < 0:
        return False
    with opened_image(BytesIO(data)) as image:
        return bool(image.getexif().get(ORIENTATION, 1) != 1)
