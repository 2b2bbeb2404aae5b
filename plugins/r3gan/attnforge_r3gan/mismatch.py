"""Mismatched pairs: real images with captions of other images of the batch."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

Mismatch = Literal["circular", "other-class", "all", "none"]


def mismatched_pairs(
    class_ids: Int[Tensor, "b"], mismatch: Mismatch
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """Choose k mismatched pairs of a batch: the indices of the images, and those of their captions.

    `circular` pairs each image with the next caption, the last with the first. `other-class` pairs it with
    the next caption of another class, and with none where the whole batch has its class; `all` with every
    caption of another class. `none` gives no pairs, and neither does a batch of one.
    """
    indices = torch.arange(len(class_ids), device=class_ids.device)
    if mismatch == "none" or len(indices) < 2:
        return indices[:0], indices[:0]
    if mismatch == "circular":
        return indices, indices.roll(-1)
    other = class_ids[:, None] != class_ids[None]
    if mismatch == "all":
        images, captions = torch.nonzero(other, as_tuple=True)
        return images, captions
    distances = (indices[None] - indices[:, None]) % len(indices)
    nearest = distances.masked_fill(~other, len(indices)).argmin(dim=1)
    images = indices[other.any(dim=1)]
    return images, nearest[images]
