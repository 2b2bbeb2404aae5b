"""The layers of R3GAN's networks: residual blocks without normalisation, and fixed resampling filters."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError

BASE_SIZE = 4
"""Side in pixels of the smallest map."""
SLOPE = 0.2
"""Of the leaky ReLU."""
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""What keeps the variance through a leaky ReLU (He et al., 2015)."""


class ResidualBlock(nn.Module):
    """Adds a bottleneck turned inside out: 1 x 1 to more channels, 3 x 3 in groups, 1 x 1 back.

    Convolutions have no bias; a bias precedes each of the two leaky ReLUs. Nothing is normalised: the last
    convolution starts at zero, so that a block starts as the identity, and the other two are scaled by
    L^(-1/4) for L blocks (fix-up initialisation, Zhang et al., 2019). R3GAN (Huang et al., 2024).

    Args:
        channels: Channels c of input and output.
        expansion: How many times as many the two inner maps have.
        group_channels: Channels of one group of the 3 x 3 convolution.
        blocks: Blocks L of the whole network.

    Raises:
        RecipeError: The inner channels are not whole groups.
    """

    def __init__(self, channels: int, *, expansion: int, group_channels: int, blocks: int) -> None:
        super().__init__()
        inner = channels * expansion
        if inner % group_channels:
            message = f"{inner} inner channels do not divide into groups of {group_channels}"
            expected = f"`group_channels` that divides {inner}"
            raise RecipeError(Problem("group-channels", message, expected=expected))
        groups = inner // group_channels
        self.expand = convolution(channels, inner)
        self.mix = nn.Conv2d(inner, inner, kernel_size=3, padding=1, groups=groups, bias=False)
        self.reduce = convolution(inner, channels)
        self.expand_bias = nn.Parameter(torch.zeros(inner))
        self.mix_bias = nn.Parameter(torch.zeros(inner))
        for layer in (self.expand, self.mix):
            scale_preserving(layer, gain=GAIN * blocks**-0.25)
        nn.init.zeros_(self.reduce.weight)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        inner = _activated(self.expand(hidden), self.expand_bias)
        inner = _activated(self.mix(inner), self.mix_bias)
        return hidden + cast(Tensor, self.reduce(inner))


class Upsample(nn.Module):
    """Doubles the side of a map by the bilinear filter [1, 3, 3, 1].

    A 1 x 1 convolution precedes it where the number of channels changes. What lies outside the map is zero.
    """

    kernel: Tensor

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = _channel_change(in_channels, out_channels)
        self.register_buffer("kernel", 4 * resampling_kernel(), persistent=False)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ 2*h 2*w"]:
        hidden = self.convolution(hidden)
        channels = hidden.shape[1]
        kernel = self.kernel.to(hidden.dtype).expand(channels, 1, -1, -1)
        return F.conv_transpose2d(hidden, kernel, stride=2, padding=1, groups=channels)


class Downsample(nn.Module):
    """Halves the side of a map by the bilinear filter [1, 3, 3, 1].

    A 1 x 1 convolution follows where the number of channels changes. What lies outside the map is zero.
    """

    kernel: Tensor

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.register_buffer("kernel", resampling_kernel(), persistent=False)
        self.convolution = _channel_change(in_channels, out_channels)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ h//2 w//2"]:
        channels = hidden.shape[1]
        kernel = self.kernel.to(hidden.dtype).expand(channels, 1, -1, -1)
        smaller = F.conv2d(hidden, kernel, stride=2, padding=1, groups=channels)
        return cast(Tensor, self.convolution(smaller))


def resampling_kernel() -> Float[Tensor, "4 4"]:
    """The separable filter [1, 3, 3, 1], whose sixteen weights sum to one."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) / 64


def convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1 x 1 convolution without bias that keeps the variance of its input."""
    layer = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
    scale_preserving(layer)
    return layer


def scale_preserving(layer: nn.Conv2d | nn.Linear, *, gain: float = 1.0) -> None:
    """Initialise a layer with N(0, gain^2 / inputs of one output) (He et al., 2015)."""
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))


def _channel_change(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Identity() if in_channels == out_channels else convolution(in_channels, out_channels)


def _activated(hidden: Float[Tensor, "b c h w"], bias: Float[Tensor, "c"]) -> Float[Tensor, "b c h w"]:
    return F.leaky_relu(hidden + bias.to(hidden.dtype)[:, None, None], SLOPE)
