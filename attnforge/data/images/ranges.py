"""Which value is white in 16-bit, 32-bit and float images: known from the type or guessed from pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped
from PIL import Image

WHITE_16_BIT = 65_535
WHITES = (1, 255, WHITE_16_BIT)
"""Candidates for white where the type does not define it; the smallest that no pixel exceeds is taken."""


@dataclass(frozen=True, slots=True)
class PixelRange:
    """The range of pixel values, from 0 (black) to white."""

    white: int
    guessed: bool
    """Whether it was guessed from the pixels because the type defines no range."""


class UnknownRangeError(ValueError):
    """The pixel values of black and white are unknown."""


def pixel_range(image: Image.Image) -> PixelRange:
    """The range of an image in Pillow's modes `I;16`, `I` and `F`.

    White is 65,535 in 16 bits. 32-bit integers and floats define no white: the smallest of 1 (floats only),
    255 and 65,535 that no pixel exceeds is taken.

    Raises:
        UnknownRangeError: pixels are negative, above 65,535, or NaN.
    """
    if image.mode.startswith("I;16"):
        return PixelRange(WHITE_16_BIT, guessed=False)
    return _guess(np.asarray(image))


def to_levels(image: Image.Image) -> Image.Image:
    """Convert an image in one of these modes to 8 bits, black 0 and white 255.

    Raises:
        UnknownRangeError: the values of black and white are unknown.
    """
    white = pixel_range(image).white
    return Image.fromarray(np.rint(np.asarray(image, dtype=np.float64) * (255 / white)).astype(np.uint8))


def _guess(values: Shaped[np.ndarray, "h w"]) -> PixelRange:
    least, most = float(values.min()), float(values.max())
    whites = WHITES if values.dtype.kind == "f" else WHITES[1:]
    white = next((white for white in whites if least >= 0 and most <= white), None)
    if white is None:
        raise UnknownRangeError(
            f"its pixels range from {least:g} to {most:g}, which leaves black and white undefined"
        )
    return PixelRange(white, guessed=True)
