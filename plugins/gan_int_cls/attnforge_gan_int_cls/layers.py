"""What generator and discriminator share: residual bottlenecks, biases that are reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.2
"""Of leaky rectifiers for negative values."""
OfficialBias = Literal["train", "zero"]
"""What becomes of the biases of convolutions in training; see `zero_biases`."""


class Bottleneck(nn.Module):
    """A map plus a residual: 1 x 1 to a quarter of the channels, 3 x 3, 3 x 3 back, each normalised.

    Args:
        channels: Channels of the map.
        inner: Channels of the residual's inner maps.
        activation: Makes the activation after each inner map, and after the sum.
    """

    def __init__(self, channels: int, inner: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, inner, kernel_size=1),
            nn.BatchNorm2d(inner),
            activation(),
            nn.Conv2d(inner, inner, kernel_size=3, padding=1),
            nn.BatchNorm2d(inner),
            activation(),
            nn.Conv2d(inner, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.activation = activation()

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        activated: Tensor = self.activation(features + self.residual(features))
        return activated


@torch.no_grad()
def zero_biases(network: nn.Module) -> None:
    """Set the biases of all convolutions to 0, as the official code does before it computes any gradient.

    They still get the optimizer's update afterwards, and have it where images are generated.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            module.bias.zero_()
