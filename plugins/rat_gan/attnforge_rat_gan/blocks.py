"""The blocks of RAT-GAN's generator: affine layer, residual block, output layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.2
"""Slope of every leaky ReLU below zero."""
LAYERS = 4
"""Affine layers in a block, each of which is given a condition of its own."""


class Affine(nn.Module):
    """Scales and shifts each channel by networks of two layers, then a leaky ReLU (slope 0.2).

    The networks start as the identity: gain 1, bias 0, whatever the condition.
    """

    def __init__(self, channels: int, *, condition: int) -> None:
        super().__init__()
        self.gain = condition_layers(condition, channels, initial=1.0)
        self.bias = condition_layers(condition, channels, initial=0.0)

    def forward(
        self, hidden: Float[Tensor, "b c h w"], condition: Float[Tensor, "b z"]
    ) -> Float[Tensor, "b c h w"]:
        gain = cast(Tensor, self.gain(condition))[:, :, None, None]
        bias = cast(Tensor, self.bias(condition))[:, :, None, None]
        return leaky_relu(torch.addcmul(bias, gain, hidden), SLOPE)


class RecurrentAffineBlock(nn.Module):
    """A residual block: two affine layers before each of its two convolutions, and no normalisation.

    The residual is multiplied by a learned scalar, which is zero at first; RAT-GAN (Ye et al., 2022), Sec. 3.

    Args:
        before: Channels of the input map.
        after: Channels of the output map; where they differ, the shortcut is a 1 x 1 convolution.
        condition: Width of the condition of each affine layer.
    """

    def __init__(self, before: int, after: int, *, condition: int) -> None:
        super().__init__()
        widths = (before, before, after, after)
        self.affine = nn.ModuleList(Affine(width, condition=condition) for width in widths)
        self.first = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.second = nn.Conv2d(after, after, kernel_size=3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, kernel_size=1)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(
        self, hidden: Float[Tensor, "b c h w"], conditions: Sequence[Float[Tensor, "b z"]]
    ) -> Float[Tensor, "b _ h w"]:
        residual = self.affine[0](hidden, conditions[0])
        residual = self.first(self.affine[1](residual, conditions[1]))
        residual = self.affine[2](residual, conditions[2])
        residual = self.second(self.affine[3](residual, conditions[3]))
        return cast(Tensor, self.shortcut(hidden) + self.scale * residual)


class ImageOutput(nn.Module):
    """A map to an RGB image in (-1, 1): leaky ReLU (slope 0.2), convolution, tanh."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 3, kernel_size=3, padding=1)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
        return torch.tanh(self.convolution(leaky_relu(hidden, SLOPE)))


def condition_layers(condition: int, channels: int, *, initial: float) -> nn.Sequential:
    """Two layers from a condition to a number for each channel, which is `initial` at first."""
    last = nn.Linear(condition, channels)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, initial)
    return nn.Sequential(nn.Linear(condition, condition), nn.ReLU(), last)
