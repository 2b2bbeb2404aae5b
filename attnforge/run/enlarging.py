"""Maps as large as images: smooth, without moving or inventing any weight."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

SOFTNESS = 0.5
"""Standard deviation of the Gaussian, in cells of the map: enough that no cell shows as a square."""


def enlarge(
    maps: Float[np.ndarray, "*l h w"], side: int, *, softness: float = SOFTNESS
) -> Float[np.ndarray, "*l side side"]:
    """Bring maps to `side` x `side` pixels with a Gaussian filter, as the figures of AttnGAN show them.

    The paper (Xu et al., CVPR 2018, section 4) upsamples "with Gaussian filters" and gives no width. Here
    every cell first covers its own square of the image, shares of pixels included, and the image is
    then filtered, mirrored at its borders. Both steps keep the mean of a map and leave an even map even, so
    that no weight is lost at a border. A map that is larger than `side` becomes smaller in the same way.

    Args:
        maps: Any number of maps.
        side: Side in pixels of the result, at least 1.
        softness: Standard deviation of the Gaussian in cells of the map; 0 shows the cells themselves.
    """
    height, width = maps.shape[-2:]
    rows, columns = _spread(height, side, softness), _spread(width, side, softness)
    return np.asarray(rows @ maps @ columns.T, dtype=maps.dtype)


@lru_cache(maxsize=32)
def _spread(cells: int, side: int, softness: float) -> Float[np.ndarray, "side cells"]:
    """What every pixel takes from every cell; its rows sum to one, its columns to side / cells."""
    # both in units of 1 / (cells * side) of the image, so that nothing is rounded
    pixel, cell = cells * np.arange(side)[:, None], side * np.arange(cells)[None]
    shared = np.minimum(pixel + cells, cell + side) - np.maximum(pixel, cell)
    covered = np.clip(shared, 0, None) / cells
    deviation = softness * side / cells
    return np.asarray(_gaussian(side, deviation) @ covered if deviation > 0 else covered)


def _gaussian(side: int, deviation: float) -> Float[np.ndarray, "side side"]:
    """A Gaussian filter between mirrors; rows and columns sum to one."""
    pixel = np.arange(side)
    straight, mirrored = pixel[:, None] - pixel[None], pixel[:, None] + pixel[None] + 1
    weights = np.zeros((side, side))
    # a Gaussian wider than the image meets both mirrors again and again
    for turn in range(-(1 + int(4 * deviation / side)), 2 + int(4 * deviation / side)):
        for distance in (straight + 2 * side * turn, mirrored + 2 * side * turn):
            weights += np.exp(-0.5 * (distance / deviation) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
