"""The blocks that both stages are made of."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def convolution3(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size of its map and has no bias."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)


class Block(nn.Module):
    """A convolution, batch normalisation and a ReLU."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.normalisation = nn.BatchNorm2d(convolution.out_channels)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        return F.relu(self.normalisation(self.convolution(features)), inplace=True)


class UpBlock(Block):
    """Doubles a map by nearest neighbour; a convolution, batch normalisation and a ReLU follow."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(convolution3(in_channels, out_channels))

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ 2*h 2*w"]:
        return super().forward(F.interpolate(features, scale_factor=2.0, mode="nearest"))


class ResidualBlock(nn.Module):
    """Adds the residual of two convolutions, and then applies a ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Block(convolution3(channels, channels))
        self.second = convolution3(channels, channels)
        self.normalisation = nn.BatchNorm2d(channels)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        residual = cast(Tensor, self.normalisation(self.second(self.first(features))))
        return F.relu(features + residual, inplace=True)
