"""Mismatched pairs: real images with captions of other images, for the conditional discriminators."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

Mismatch = Literal["roll", "circular", "other-class", "all", "none"]


def mismatched_pairs(
    class_ids: Int[Tensor, "b"], mismatch: Mismatch
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """Choose k mismatched pairs of a batch: the indices of the images, and those of their captions.

    - `roll` pairs each image but the last with the next caption, as the official AttnGAN code does; in a data
      set of few classes that caption may match.
    - `circular` pairs each image with the previous caption, and the first with the last, as DF-GAN does; a
      batch of one image has no pairs.
    - `other-class` pairs each image with the next caption of another class, cyclically; an image is skipped
      when the whole batch has its class.
    - `all` pairs each image with every caption of another class, which learns matching faster at little cost,
      since the features of images are computed already.
    - `none` gives no pairs, as in Eq. 5 of AttnGAN.
    """
    indices = torch.arange(len(class_ids), device=class_ids.device)
    if mismatch == "none":
        return indices[:0], indices[:0]
    if mismatch == "roll":
        return indices[:-1], indices[1:]
    if mismatch == "circular":
        return (indices.roll(-1), indices) if len(indices) > 1 else (indices[:0], indices[:0])
    same = class_ids[:, None] == class_ids[None]
    if mismatch == "all":
        images, captions = torch.nonzero(~same, as_tuple=True)
        return images, captions
    distances = (indices[None] - indices[:, None]) % len(class_ids)
    nearest = distances.masked_fill(same, len(class_ids)).argmin(dim=1)
    images = indices[~same.all(dim=1)]
    return images, nearest[images]
