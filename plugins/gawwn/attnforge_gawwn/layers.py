"""What the networks share: normalised convolutions and linear layers, residual bottlenecks, doublings."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.2
"""Of leaky rectifiers for negative values."""
MAP_SIDE = 16
"""Side in pixels of the maps in which boxes and key points have their place."""


class Bottleneck(nn.Module):
    """A map plus a residual: 1 x 1 to a quarter of the channels, 3 x 3, 3 x 3 back, each normalised.

    Args:
        channels: Channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 4
        self.residual = nn.Sequential(
            *convolution(channels, inner, kernel=1),
            nn.ReLU(),
            *convolution(inner, inner, kernel=3),
            nn.ReLU(),
            *convolution(inner, channels, kernel=3),
        )

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return torch.relu(features + self.residual(features))


def convolution(channels: int, out_channels: int, *, kernel: int) -> tuple[nn.Module, ...]:
    """A normalised convolution that keeps the sides of a map."""
    return _normalised(nn.Conv2d(channels, out_channels, kernel, padding=kernel // 2))


def halving(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """A normalised convolution that halves the sides of a map."""
    return _normalised(nn.Conv2d(channels, out_channels, kernel_size=4, stride=2, padding=1))


def closing(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """A normalised convolution of a map of 4 x 4 pixels to one."""
    return _normalised(nn.Conv2d(channels, out_channels, kernel_size=4))


def opening(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """A normalised transposed convolution of one pixel to 4 x 4."""
    return _normalised(nn.ConvTranspose2d(channels, out_channels, kernel_size=4))


def doubling(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """A normalised transposed convolution that doubles the sides of a map."""
    return _normalised(nn.ConvTranspose2d(channels, out_channels, kernel_size=4, stride=2, padding=1))


def mixing(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """A normalised transposed convolution that keeps the sides of a map."""
    return _normalised(nn.ConvTranspose2d(channels, out_channels, kernel_size=3, padding=1))


def linear(width: int, out_width: int) -> tuple[nn.Module, ...]:
    """A normalised linear layer."""
    return nn.Linear(width, out_width), nn.BatchNorm1d(out_width)


def painting(channels: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Doublings from a map to an image in [-1, 1], one more than there are widths of the maps between."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [*doubling(channels, width), nn.ReLU()]
        channels = width
    last = nn.ConvTranspose2d(channels, 3, kernel_size=4, stride=2, padding=1)
    return nn.Sequential(*layers, last, nn.Tanh())


def doublings(image_size: int) -> int:
    """How many doublings lie between the maps and an image."""
    return (image_size // MAP_SIDE).bit_length() - 1


def tiled(vectors: Float[Tensor, "b c"], side: int = MAP_SIDE) -> Float[Tensor, "b c side side"]:
    """A vector at every pixel of a map."""
    return vectors[:, :, None, None].expand(-1, -1, side, side)


def _normalised(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    return layer, nn.BatchNorm2d(layer.out_channels)
