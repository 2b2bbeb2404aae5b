"""The pairs that need a gradient, listed by image and by caption, on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels.region_matching.buckets import Buckets


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of i images and t captions, in e - 1 buckets. Equal rows share memory."""

    captions: Int[Tensor, "i t"]
    """The captions of each image, those of the first bucket first; undefined beyond the last."""
    bounds: Int[Tensor, "i e"]
    """Where in a row of `captions` each bucket begins, and the last one ends."""
    images: Int[Tensor, "t i"]
    """The images of each caption; undefined beyond `counts`."""
    counts: Int[Tensor, "t"]
    """How many images each caption has."""


def every_pair(buckets: Buckets, images: int) -> Pairs:
    """All pairs.

    Args:
        buckets: The captions.
        images: How many images there are.
    """
    captions, bounds = buckets.captions, buckets.bounds
    numbers = torch.arange(images, dtype=torch.int32, device=captions.device)
    return Pairs(
        captions.expand(images, -1),
        bounds.expand(images, -1),
        numbers.expand(len(captions), -1),
        torch.full_like(captions, images),
    )


def pairs_with_gradient(buckets: Buckets, gradient: Float[Tensor, "i t"]) -> Pairs:
    """The pairs whose gradient is not zero.

    Args:
        buckets: The captions.
        gradient: The gradient of the scores.
    """
    order = buckets.captions.long()
    active = gradient != 0
    ordered = active[:, order]
    indices = ordered.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
    before = torch.nn.functional.pad(ordered.cumsum(dim=1), (1, 0))
    images = active.T.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
    return Pairs(
        buckets.captions[indices].contiguous(),
        before[:, buckets.bounds.long()].to(torch.int32).contiguous(),
        images.to(torch.int32).contiguous(),
        active.sum(dim=0).to(torch.int32),
    )
