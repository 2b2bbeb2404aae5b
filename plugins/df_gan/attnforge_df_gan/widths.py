"""Channels of the maps between an image and 4 x 4 pixels, the same in generator and discriminator."""

from __future__ import annotations

from attnforge.errors import Problem, RecipeError

INNER_SIZE = 4
"""Side in pixels of the smallest map."""
MAX_WIDENING = 8
"""By default no map has more than this many times the channels of the largest one."""


def channels_by_size(image_size: int, *, channels: int, max_channels: int | None) -> list[int]:
    """Channels of the maps of `image_size`, half that, ..., 4 pixels: twice as many after each halving.

    Args:
        image_size: Side in pixels of the image.
        channels: Channels of the map of that size.
        max_channels: Upper bound; by default 8 times `channels`.

    Raises:
        RecipeError: The size is not 8, 16, 32, ...
    """
    if image_size <= INNER_SIZE or image_size & (image_size - 1):
        message = f"DF-GAN has no network for images of {image_size} x {image_size} pixels"
        raise RecipeError(Problem("image-size", message, expected="8, 16, 32, 64, 128, 256, ..."))
    halvings = (image_size // INNER_SIZE).bit_length() - 1
    bound = max_channels or MAX_WIDENING * channels
    return [min(channels << halving, bound) for halving in range(halvings + 1)]
