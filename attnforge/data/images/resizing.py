"""Crops and resizes images as AttnGAN does: to a box, to a shorter side, to a square.

Works on bytes, with torch's integer kernel for `bilinear` with `antialias`, which matches Pillow's `BILINEAR`
to one grey level in half of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, nextafter

import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

MAX_ASPECT_RATIO = 8
"""Longer images are cropped at both ends."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(cls, height: int, width: int, *, box: tuple[float, float, float, float] | None = None) -> Region:
        """The region of an image that is used: around its box, if given, and not too long."""
        whole = cls(0, 0, height, width)
        return (whole if box is None else whole.around(box)).shortened()

    def around(self, box: tuple[float, float, float, float]) -> Region:
        """The square around a box whose half side is 3/4 of the box's longer side, clipped at the border.

        This is how AttnGAN and StackGAN crop CUB's birds; a box outside the image crops nothing.
        """
        left, top, width, height = (int(number) for number in box)
        half = int(0.75 * max(width, height))
        across, down = (2 * left + width) // 2, (2 * top + height) // 2
        upper, lower = max(0, down - half), min(self.height, down + half)
        start, end = max(0, across - half), min(self.width, across + half)
        if upper >= lower or start >= end:
            return self
        return Region(self.top + upper, self.left + start, lower - upper, end - start)

    def shortened(self) -> Region:
        """The middle of a region that is longer than `MAX_ASPECT_RATIO` times its width; others unchanged."""
        longest = MAX_ASPECT_RATIO * min(self.height, self.width)
        height, width = min(self.height, longest), min(self.width, longest)
        top, left = (self.height - height) // 2, (self.width - width) // 2
        return Region(self.top + top, self.left + left, height, width)

    def of_pixels(self, pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[Tensor, "1 3 _ _"]:
        """The pixels of the region."""
        rows = slice(self.top, self.top + self.height)
        return pixels[..., rows, self.left : self.left + self.width]


@dataclass(frozen=True, slots=True)
class Resize:
    """A resize of an image to a shorter side of `side` pixels."""

    height: int
    width: int
    rows: float
    """Factor from the old rows to the new ones."""
    columns: float

    @classmethod
    def of(cls, pixels: UInt8[Tensor, "1 3 h w"], *, side: int, stretch: bool = False) -> Resize:
        """The resize for an image's size; with `stretch`, both sides become `side` pixels."""
        height, width = pixels.shape[-2:]
        if stretch:
            return cls(side, side, _factor(height, side), _factor(width, side))
        scale = side / min(height, width)
        new_height, new_width = (max(side, round(length * scale)) for length in (height, width))
        return cls(new_height, new_width, _factor(height, new_height), _factor(width, new_width))

    def whole(self, pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[Tensor, "1 3 _ _"]:
        """The whole image, resized."""
        return self._apply(pixels)[..., : self.height, : self.width]

    def square(
        self, pixels: UInt8[Tensor, "1 3 h w"], *, top: int, left: int, size: int
    ) -> UInt8[Tensor, "1 3 _ _"]:
        """The square of the resized image at `top` and `left`: a faster crop of `whole`.

        Pixels below it and to the right of it are not resized. Those above it and to the left of it are:
        without them the sampling grid would shift.
        """
        rows, columns = _reach(top + size, self.rows), _reach(left + size, self.columns)
        return self._apply(pixels[..., :rows, :columns])[..., top : top + size, left : left + size]

    def _apply(self, pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[Tensor, "1 3 _ _"]:
        # factors instead of a size: a part of an image is then resized with the same weights
        return F.interpolate(
            pixels,
            scale_factor=(self.rows, self.columns),
            mode="bilinear",
            antialias=True,
            align_corners=False,
            recompute_scale_factor=False,
        )


def _factor(length: int, new: int) -> float:
    """The factor by which `length` becomes `new` when the product is rounded down."""
    factor = new / length
    while int(length * factor) < new:
        factor = nextafter(factor, inf)
    return factor


def _reach(end: int, factor: float) -> int:
    """How many old pixels from the first are needed for the new pixels before `end`."""
    return ceil(end / factor + max(1.0, 1 / factor)) + 1
