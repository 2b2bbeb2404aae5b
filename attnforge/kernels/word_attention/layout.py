"""Empty tensors for results, with the right shape and memory format."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def channels_last(features: Float[Tensor, "b c h w"]) -> bool:
    """Whether the channels of a pixel lie together in memory."""
    return features.is_contiguous(memory_format=torch.channels_last) and not features.is_contiguous()


def empty_context(features: Float[Tensor, "b c h w"], *, join: bool) -> Float[Tensor, "b _ h w"]:
    """An empty context, channels last if the features are; with `join`, twice as many channels."""
    batch, channels, height, width = features.shape
    return torch.empty(
        (batch, 2 * channels if join else channels, height, width),
        dtype=features.dtype,
        device=features.device,
        memory_format=torch.channels_last if channels_last(features) else torch.contiguous_format,
    )


def empty_weights(
    features: Float[Tensor, "b c h w"], longest: int, *, needed: bool
) -> Float[Tensor, "b l h w"] | Float[Tensor, "0"]:
    """Empty weights, or an empty tensor if they are not needed."""
    batch, _, height, width = features.shape
    return features.new_empty((batch, longest, height, width) if needed else (0,))
