"""What generator and discriminator share: residual bottlenecks, initial weights, biases that are reset."""

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


def initialise(network: nn.Module) -> None:
    """Initialise the weights as the official code does.

    Weights of convolutions are drawn from N(0, 0.02) and their biases are 0; gains of batch normalisation are
    drawn from N(1, 0.02). Linear layers stay unchanged: uniform within the inverse root of their inputs.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)


@torch.no_grad()
def zero_biases(network: nn.Module) -> None:
    """Set the biases of all convolutions to 0, as the official code does before it computes any gradient.

    They still get the optimizer's update afterwards, and have it where images are generated.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            module.bias.zero_()
