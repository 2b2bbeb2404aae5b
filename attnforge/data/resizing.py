"""Cuts and resizes images as AttnGAN does: the region of a box, a shorter side, a square of it.

Everything is done on bytes, with torch's integer kernel for `bilinear` with `antialias`; it gives what
Pillow's `BILINEAR` gives, at most one grey level aside, in half of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, nextafter

import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

NARROWEST = 8
"""How many times as long as wide an image may be before its ends are cut off."""


def crop_to_box(
    pixels: UInt8[Tensor, "1 3 h w"], box: tuple[float, float, float, float]
) -> UInt8[Tensor, "1 3 _ _"]:
    """The square around a bounding box whose half side is 3/4 of the box's longer side, cut at the border.

    This is how AttnGAN and StackGAN crop CUB's birds; a box outside the image crops nothing.
    """
    left, top, width, height = (int(number) for number in box)
    half = int(0.75 * max(width, height))
    across, down = (2 * left + width) // 2, (2 * top + height) // 2
    rows, columns = pixels.shape[-2:]
    upper, lower = max(0, down - half), min(rows, down + half)
    start, end = max(0, across - half), min(columns, across + half)
    return pixels if upper >= lower or start >= end else pixels[..., upper:lower, start:end]


def cut_ribbon(pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[Tensor, "1 3 _ _"]:
    """The middle of an image that is more than eight times as long as wide; others as they are."""
    height, width = pixels.shape[-2:]
    longest = NARROWEST * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return pixels[..., top : top + longest, left : left + longest]


@dataclass(frozen=True, slots=True)
class Resize:
    """How an image of some size becomes one whose shorter side has `side` pixels, proportions kept."""

    height: int
    width: int
    rows: float
    """Factor from the old rows to the new ones."""
    columns: float

    @classmethod
    def of(cls, pixels: UInt8[Tensor, "1 3 h w"], *, side: int) -> Resize:
        """For the size of an image."""
        height, width = pixels.shape[-2:]
        scale = side / min(height, width)
        new_height, new_width = (max(side, round(length * scale)) for length in (height, width))
        return cls(new_height, new_width, _factor(height, new_height), _factor(width, new_width))

    def whole(self, pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[Tensor, "1 3 _ _"]:
        """The whole image, resized."""
        return self._apply(pixels)[..., : self.height, : self.width]

    def square(
        self, pixels: UInt8[Tensor, "1 3 h w"], *, top: int, left: int, size: int
    ) -> UInt8[Tensor, "1 3 _ _"]:
        """The square of the resized image at `top` and `left`: what `whole` gives, cut, but quicker.

        Pixels below the square and to the right of it are left alone. Those above it and to the left of it
        are not: without them the new pixels would lie between other old ones.
        """
        rows, columns = _reach(top + size, self.rows), _reach(left + size, self.columns)
        return self._apply(pixels[..., :rows, :columns])[..., top : top + size, left : left + size]

    def _apply(self, pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[Tensor, "1 3 _ _"]:
        # factors instead of a size: a part of an image is then resized by the very same weights
        return F.interpolate(
            pixels,
            scale_factor=(self.rows, self.columns),
            mode="bilinear",
            antialias=True,
            align_corners=False,
            recompute_scale_factor=False,
        )


def _factor(length: int, new: int) -> float:
    """The factor that makes `new` of `length` where the product is rounded down."""
    factor = new / length
    while int(length * factor) < new:
        factor = nextafter(factor, inf)
    return factor


def _reach(end: int, factor: float) -> int:
    """How many old pixels the new ones before `end` are made of, counted from the first."""
    return ceil(end / factor + max(1.0, 1 / factor)) + 1
