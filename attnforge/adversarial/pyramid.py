"""Real images at every size that a generator outputs."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor


def pyramid(
    images: Float[Tensor, "b 3 h w"],
    sizes: tuple[int, ...],
    *,
    levels: UInt8[Tensor, "b 3 h w"] | None = None,
) -> tuple[Float[Tensor, "b 3 _ _"], ...]:
    """The images at every size, smallest first; antialiased bilinear.

    Args:
        images: The images.
        sizes: Their sides in pixels.
        levels: The 8-bit values that the images were converted from. The smaller images are then rounded to
            8 bits too, as in the official code, which takes half the time on a CPU.
    """
    return tuple(images if images.shape[-1] == size else _shrink(images, size, levels) for size in sizes)


def _shrink(images: Tensor, size: int, levels: Tensor | None) -> Tensor:
    resize = partial(F.interpolate, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    if levels is None:
        return resize(images)
    # torch resizes bytes on CPUs only
    shrunk = resize(levels) if levels.device.type == "cpu" else resize(levels.float()).round_()
    return shrunk.float().div_(127.5).sub_(1.0)
