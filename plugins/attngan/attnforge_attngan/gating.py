"""Gated linear units that keep the memory format of their maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def gated(values: Float[Tensor, "b c *_"]) -> Float[Tensor, "b _ *_"]:
    """Half of the channels times the sigmoid of the other half (Dauphin et al., 2017).

    torch's gradient of `glu` is always contiguous, and every earlier layer would convert it back to channels
    last. Maps in channels last are therefore gated along the last axis of a view, where both layouts agree.
    """
    if values.is_contiguous() or not values.is_contiguous(memory_format=torch.channels_last):
        return F.glu(values, dim=1)
    return F.glu(values.movedim(1, -1), dim=-1).movedim(-1, 1)
