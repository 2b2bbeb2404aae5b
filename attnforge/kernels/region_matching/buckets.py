"""Captions of about the same length together, found on the device: a host that asked would have to wait."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

SHORTEST = 16
"""The words that there is room for in the first bucket."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The captions of a batch in e - 1 buckets, each for up to twice as many words as the one before."""

    sizes: tuple[int, ...]
    """How many words a caption of each bucket may have."""
    captions: Int[Tensor, "t"]
    """Places in the batch, those of the first bucket first."""
    bounds: Int[Tensor, "e"]
    """Where in `captions` each bucket begins, and the last one ends."""
    lengths: Int[Tensor, "t"]
    """The length of each caption of the batch."""


def buckets_of(lengths: Int[Tensor, "t"], longest: int) -> Buckets:
    """Put captions in buckets.

    Args:
        lengths: How many words each caption has.
        longest: How many words a caption can have at most.
    """
    sizes = sizes_for(longest)
    lengths = lengths.to(torch.int32).clamp(max=longest)
    ends = [(lengths <= size).sum(dtype=torch.int32) for size in sizes[:-1]]
    bounds = torch.stack([lengths.new_zeros(()), *ends, lengths.new_full((), len(lengths))])
    if len(sizes) == 1:  # captions of one bucket may stand as they come
        captions = torch.arange(len(lengths), dtype=torch.int32, device=lengths.device)
    else:
        captions = lengths.argsort(stable=True).to(torch.int32)
    return Buckets(sizes, captions, bounds, lengths)


def sizes_for(longest: int) -> tuple[int, ...]:
    """The words of a caption in each bucket: powers of two, up to the first that holds the longest."""
    sizes = [SHORTEST]
    while sizes[-1] < longest:
        sizes.append(2 * sizes[-1])
    return tuple(sizes)
