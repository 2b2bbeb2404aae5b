"""Decodes images to RGB bytes, with a fast path for common JPEG files."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from attnforge.data.images.jpeg import jpeg_pixels
from attnforge.data.images.opening import BROKEN, open_image, read_image
from attnforge.data.images.stored import StoredImage
from attnforge.errors import Place


def decode(
    image: StoredImage, *, background: str = "white", place: Place | None = None
) -> UInt8[Tensor, "1 3 h w"]:
    """The pixels of an encoded image, upright, transparent parts on `background`; channels last in memory.

    Intact, upright JPEGs in grey or colour are decoded straight into the array; everything else goes through
    Pillow, which gives the same pixels and reports what is wrong with a file.

    Args:
        image: The encoded image.
        background: A colour name or `#rrggbb`.
        place: Where the image is named, for the error.

    Raises:
        ImageError: it is missing, damaged or not an image.
    """
    try:
        pixels = jpeg_pixels(read_image(image))
    except BROKEN:
        pixels = None
    if pixels is None:
        pixels = np.array(open_image(image, background=background, place=place))
    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)
