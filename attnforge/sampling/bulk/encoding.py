"""Encodes images to files in memory, as fast as the libraries can; both release Python's lock."""

from __future__ import annotations

from io import BytesIO
from typing import Literal, cast

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from simplejpeg import encode_jpeg  # type: ignore[import-untyped]

ImageFormat = Literal["png", "jpeg"]
SUFFIXES: dict[ImageFormat, str] = {"png": ".png", "jpeg": ".jpg"}
RUN_LENGTHS = 3
"""zlib's strategy of run lengths: on generated images three times as fast as its default, and no larger."""


def encode_image(pixels: UInt8[np.ndarray, "h w 3"], format: ImageFormat, *, quality: int) -> bytes:
    """The bytes of an image file.

    Args:
        pixels: The image.
        format: `png` keeps every pixel, `jpeg` is smaller; its colours have full resolution.
        quality: Of JPEG, from 1 to 100.
    """
    if format == "jpeg":
        rows = np.ascontiguousarray(pixels)
        return cast("bytes", encode_jpeg(rows, quality=quality, colorsubsampling="444"))
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1, compress_type=RUN_LENGTHS)
    return file.getvalue()
