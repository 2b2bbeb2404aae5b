"""Captions of similar length in buckets, computed on the device so that the host need not wait."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

FIRST_BUCKET_WORDS = 16
"""Maximum length of captions in the first bucket."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The captions of a batch in e - 1 buckets, each for captions up to twice as long as the one before."""

    sizes: tuple[int, ...]
    """Maximum length of captions of each bucket."""
    captions: Int[Tensor, "t"]
    """Indices in the batch, those of the first bucket first."""
    bounds: Int[Tensor, "e"]
    """Where in `captions` each bucket begins, and the last one ends."""
    lengths: Int[Tensor, "t"]
    """The length of each caption of the batch."""


def buckets_of(lengths: Int[Tensor, "t"], longest: int) -> Buckets:
    """Put captions in buckets.

    Args:
        lengths: How many words each caption has.
        longest: Maximum length of a caption.
    """
    sizes = sizes_for(longest)
    lengths = lengths.to(torch.int32).clamp(max=longest)
    ends = [(lengths <= size).sum(dtype=torch.int32) for size in sizes[:-1]]
    bounds = torch.stack([lengths.new_zeros(()), *ends, lengths.new_full((), len(lengths))])
    if len(sizes) == 1:  # a single bucket needs no order
        captions = torch.arange(len(lengths), dtype=torch.int32, device=lengths.device)
    else:
        captions = lengths.argsort(stable=True).to(torch.int32)
    return Buckets(sizes, captions, bounds, lengths)


def sizes_for(longest: int) -> tuple[int, ...]:
    """Maximum length of captions of each bucket: powers of two, up to the first that fits the longest."""
    sizes = [FIRST_BUCKET_WORDS]
    while sizes[-1] < longest:
        sizes.append(2 * sizes[-1])
    return tuple(sizes)
