"""Wrong pairs: real images with captions of other images, for the conditional discriminators."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

Mismatch = Literal["roll", "other-class", "all", "none"]


def mismatched_pairs(
    class_ids: Int[Tensor, "b"], mismatch: Mismatch
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """Choose k wrong pairs of a batch: the images' places in it, and those of their captions.

    `roll` pairs each image but the last with the next caption, as the official code does; in a data set
    of few classes that caption can be right. `other-class` pairs each image with the next caption, in a
    circle, of another class; an image whose class is everywhere in the batch is left out. `all` pairs
    each image with every caption of another class, which teaches matching faster for little work, as the
    images' features are there already. `none` gives no pair, as in Eq. 5 of the paper.
    """
    own = torch.arange(len(class_ids), device=class_ids.device)
    if mismatch == "none":
        return own[:0], own[:0]
    if mismatch == "roll":
        return own[:-1], own[1:]
    same = class_ids[:, None] == class_ids[None]
    if mismatch == "all":
        images, captions = torch.nonzero(~same, as_tuple=True)
        return images, captions
    steps = (own[None] - own[:, None]) % len(class_ids)
    nearest = steps.masked_fill(same, len(class_ids)).argmin(dim=1)
    images = own[~same.all(dim=1)]
    return images, nearest[images]
