"""Decodes JPEG files with libjpeg-turbo straight into an array, and reports damage.

Pillow decodes with the same library, but into its own memory, from which pixels are copied twice, and it
ignores damage that leaves no gap.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from simplejpeg import decode_jpeg, decode_jpeg_header  # type: ignore[import-untyped]

from attnforge.data.images.opening import MAX_PIXELS, opened_image

START, SCAN = b"\xff\xd8", b"\xff\xda"
RGB_CONVERTIBLE = ("Gray", "YCbCr", "RGB")
"""Colour spaces whose conversion to RGB is unambiguous."""
ORIENTATION = 0x0112
"""The EXIF tag of the rotation that makes a photograph upright."""


def jpeg_pixels(data: bytes) -> UInt8[np.ndarray, "h w 3"] | None:
    """The pixels of an intact, upright JPEG in grey or colour; None for everything else."""
    if not data.startswith(START):
        return None
    try:
        height, width, colours, _ = decode_jpeg_header(data)
        if colours not in RGB_CONVERTIBLE or height * width > MAX_PIXELS or _is_rotated(data):
            return None
        pixels: UInt8[np.ndarray, "h w 3"] = decode_jpeg(data, colorspace="RGB")
    except ValueError:
        return None
    return pixels


def jpeg_damage(data: bytes) -> str | None:
    """The damage of a JPEG that Pillow opens without complaint; None for intact ones and for other files."""
    if not data.startswith(START):
        return None
    try:
        height, width, colours, _ = decode_jpeg_header(data)
        if colours in RGB_CONVERTIBLE and height * width <= MAX_PIXELS:
            decode_jpeg(data, colorspace="RGB")
    except ValueError as error:
        return " ".join(str(error).split())
    return None


def _is_rotated(data: bytes) -> bool:
    if data.find(b"Exif\0\0", 0, data.find(SCAN)) < 0:
        return False
    with opened_image(BytesIO(data)) as image:
        return bool(image.getexif().get(ORIENTATION, 1) != 1)
