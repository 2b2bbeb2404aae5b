"""Decodes images to RGB bytes, with a fast path for common JPEG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from attnforge.data.images.jpeg import jpeg_pixels
from attnforge.data.images.opening import BROKEN, open_image, read_image_file
from attnforge.errors import Place


def decode(path: Path, *, background: str = "white", place: Place | None = None) -> UInt8[Tensor, "1 3 h w"]:
    """The pixels of an image file, upright, transparent parts on `background`; channels last in memory.

    Intact, upright JPEGs in grey or colour are decoded straight into the array; everything else goes through
    Pillow, which gives the same pixels and reports what is wrong with a file.

    Args:
        path: The file.
        background: A colour name or `#rrggbb`.
        place: Where the image is named, for the error.

    Raises:
        DataError: the file is missing, damaged or not an image.
    """
    try:
        pixels = jpeg_pixels(read_image_file(path))
    except BROKEN:
        pixels = None
    if pixels is None:
        pixels = np.array(open_image(path, background=background, place=place))
    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)
