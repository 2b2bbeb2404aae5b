"""The room for a result: its shape and where in memory its numbers stand."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def room_for_context(features: Float[Tensor, "b c h w"], *, join: bool) -> Float[Tensor, "b _ h w"]:
    """Room for a context, channels last where the features are, twice as wide when the features join it."""
    batch, channels, height, width = features.shape
    last = features.is_contiguous(memory_format=torch.channels_last) and not features.is_contiguous()
    return torch.empty(
        (batch, 2 * channels if join else channels, height, width),
        dtype=features.dtype,
        device=features.device,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )


def room_for_weights(
    features: Float[Tensor, "b c h w"], longest: int, *, wanted: bool
) -> Float[Tensor, "b l h w"] | Float[Tensor, "0"]:
    """Room for the weights, or nothing."""
    batch, _, height, width = features.shape
    return features.new_empty((batch, longest, height, width) if wanted else (0,))
