"""Which number in an image of deep greys is white: the file's type says it, or it is guessed and told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped
from PIL import Image

SIXTEEN_BITS = 65_535
WHITES = (1, 255, SIXTEEN_BITS)
"""What may stand for white where the type leaves it open, the smallest that no pixel exceeds is taken."""


@dataclass(frozen=True, slots=True)
class PixelRange:
    """The numbers from black, which is 0, to white."""

    white: int
    guessed: bool
    """Whether the pixels decided it, because the file's type has no range of its own."""


class UnknownRangeError(ValueError):
    """Numbers of which nothing says which is black and which is white."""


def pixel_range(image: Image.Image) -> PixelRange:
    """The range of an image in Pillow's modes `I;16`, `I` and `F`.

    16 bits end at 65,535. Whole numbers of 32 bits and floats have no such end: the smallest of 1 (floats
    only), 255 and 65,535 that no pixel exceeds is taken for white.

    Raises:
        UnknownRangeError: pixels are negative, above 65,535, or no numbers.
    """
    if image.mode.startswith("I;16"):
        return PixelRange(SIXTEEN_BITS, guessed=False)
    return _guess(np.asarray(image))


def to_levels(image: Image.Image) -> Image.Image:
    """An image in one of these modes as 8 bits, black 0 and white 255.

    Raises:
        UnknownRangeError: nothing says which numbers are black and white.
    """
    white = pixel_range(image).white
    return Image.fromarray(np.rint(np.asarray(image, dtype=np.float64) * (255 / white)).astype(np.uint8))


def _guess(values: Shaped[np.ndarray, "h w"]) -> PixelRange:
    least, most = float(values.min()), float(values.max())
    whites = WHITES if values.dtype.kind == "f" else WHITES[1:]
    white = next((white for white in whites if least >= 0 and most <= white), None)
    if white is None:
        raise UnknownRangeError(
            f"its pixels go from {least:g} to {most:g}, and nothing says which is black and which white"
        )
    return PixelRange(white, guessed=True)
