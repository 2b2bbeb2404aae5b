"""What a discriminator's heads are made of: a convolution that sees the whole map at once."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

FEATURE_SIZE = 4
"""Side in pixels of the features that the heads classify."""


class Head(nn.Conv2d):
    """A 4 x 4 convolution of 4 x 4 features, computed as the linear layer that it equals.

    A convolution of a single output pixel reaches a tenth of the speed of a matrix product on a CPU.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=FEATURE_SIZE)

    def forward(self, features: Float[Tensor, "b c 4 4"]) -> Float[Tensor, "b o"]:
        return F.linear(features.flatten(1), self.weight.flatten(1), self.bias)
