"""Rounds images as image files do, so that a run and a folder of its images have the same values."""

from __future__ import annotations

from jaxtyping import Float, UInt8
from torch import Tensor


def to_eight_bits(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Images in [-1, 1], rounded to the nearest of 256 levels; the official AttnGAN code truncates."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1


def from_bytes(pixels: UInt8[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """Bytes as images in [-1, 1]: the same numbers that `to_eight_bits` gives."""
    return pixels.float() / 127.5 - 1
