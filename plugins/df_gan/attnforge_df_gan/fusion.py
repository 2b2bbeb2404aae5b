"""Deep fusion blocks: the text enters a map as a scale and a shift of every channel, four times a block."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.2
"""Of every leaky ReLU in DF-GAN."""


class Affine(nn.Module):
    """Scales and shifts each channel by what two small networks compute from the condition.

    gamma(condition) * x + beta(condition): Tao et al., 2022. There is no normalisation before it. Both
    networks start with constant outputs, gamma = 1 and beta = 0, so that text has no influence yet.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.scale = _perceptron(condition, channels, output=1.0)
        self.shift = _perceptron(condition, channels, output=0.0)

    def forward(
        self, features: Float[Tensor, "b c h w"], condition: Float[Tensor, "b z"]
    ) -> Float[Tensor, "b c h w"]:
        scale: Tensor = self.scale(condition)
        shift: Tensor = self.shift(condition)
        return features * scale[:, :, None, None] + shift[:, :, None, None]


class Fusion(nn.Module):
    """Two affine transformations, a leaky ReLU after each: a text-image fusion of Tao et al., 2022."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.affines = nn.ModuleList(Affine(channels, condition) for _ in range(2))

    def forward(
        self, features: Float[Tensor, "b c h w"], condition: Float[Tensor, "b z"]
    ) -> Float[Tensor, "b c h w"]:
        for affine in self.affines:
            features = F.leaky_relu(affine(features, condition), SLOPE, inplace=True)
        return features


class UpBlock(nn.Module):
    """Doubles a map and adds the residual of two fusions with a convolution after each.

    The UPBlock of Tao et al., 2022. Where the number of channels changes, there is a 1 x 1 convolution on the
    shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int, condition: int) -> None:
        super().__init__()
        self.first_fusion = Fusion(in_channels, condition)
        self.first = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
        self.second_fusion = Fusion(out_channels, condition)
        self.second = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(
        self, features: Float[Tensor, "b c h w"], condition: Float[Tensor, "b z"]
    ) -> Float[Tensor, "b _ 2*h 2*w"]:
        # The paper doubles the map first. The first fusion and the shortcut treat every pixel alike, so the
        # values are the same if the map is doubled behind them, at a quarter of the work.
        residual = _doubled(self.first_fusion(features, condition))
        residual = self.second_fusion(self.first(residual), condition)
        shortcut = _doubled(self.shortcut(features))
        doubled: Tensor = shortcut + self.second(residual)
        return doubled


def _perceptron(inputs: int, outputs: int, *, output: float) -> nn.Sequential:
    """Two linear layers with a ReLU between them, whose output is constant at first."""
    last = nn.Linear(outputs, outputs)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, output)
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(inplace=True), last)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")
