"""Upsamples attention maps to image size: smooth, and with their mean unchanged."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

SOFTNESS = 0.5
"""Standard deviation of the Gaussian, in cells of the map: enough to hide the edges of the cells."""


def enlarge(
    maps: Float[np.ndarray, "*l h w"], side: int, *, softness: float = SOFTNESS
) -> Float[np.ndarray, "*l side side"]:
    """Upsample maps to `side` x `side` pixels with a Gaussian filter, as in the figures of AttnGAN.

    The paper (Xu et al., CVPR 2018, section 4) upsamples "with Gaussian filters" and gives no width. Here
    every cell first covers its own square of the image, including fractions of pixels; the result is then
    filtered with reflected borders. Both steps keep the mean of a map and leave a uniform map uniform, so no
    weight is lost at a border. Maps larger than `side` are downsampled in the same way.

    Args:
        maps: Any number of maps.
        side: Side of the result in pixels, at least 1.
        softness: Standard deviation of the Gaussian in cells of the map; 0 shows the cells themselves.
    """
    height, width = maps.shape[-2:]
    rows, columns = _weights(height, side, softness), _weights(width, side, softness)
    return np.asarray(rows @ maps @ columns.T, dtype=maps.dtype)


@lru_cache(maxsize=32)
def _weights(cells: int, side: int, softness: float) -> Float[np.ndarray, "side cells"]:
    """The weight of every cell for every pixel; rows sum to one, columns to side / cells."""
    # both in units of 1 / (cells * side) of the image, so that nothing is rounded
    pixel, cell = cells * np.arange(side)[:, None], side * np.arange(cells)[None]
    overlap = np.minimum(pixel + cells, cell + side) - np.maximum(pixel, cell)
    covered = np.clip(overlap, 0, None) / cells
    deviation = softness * side / cells
    return np.asarray(_gaussian(side, deviation) @ covered if deviation > 0 else covered)


def _gaussian(side: int, deviation: float) -> Float[np.ndarray, "side side"]:
    """A Gaussian filter with reflected borders; rows and columns sum to one."""
    pixel = np.arange(side)
    direct, reflected = pixel[:, None] - pixel[None], pixel[:, None] + pixel[None] + 1
    weights = np.zeros((side, side))
    # a Gaussian wider than the image is reflected many times
    for turn in range(-(1 + int(4 * deviation / side)), 2 + int(4 * deviation / side)):
        for distance in (direct + 2 * side * turn, reflected + 2 * side * turn):
            weights += np.exp(-0.5 * (distance / deviation) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
