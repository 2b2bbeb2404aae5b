"""The blocks that generator stages are made of."""

from __future__ import annotations

from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn

from .doubling import DoublingConvolution
from .folded import FoldedConvolution, FoldedImageHead, FoldedResidualBlock, FoldedUpBlock
from .gating import gated


def convolution3(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size of its map and has no bias."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)


class UpBlock(nn.Module):
    """Doubles a map: nearest neighbour, convolution, batch normalisation, gated linear unit.

    The gate takes half of the channels, sigmoid-weighted, so the convolution gives twice as many
    (Dauphin et al., 2017).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = DoublingConvolution(in_channels, 2 * out_channels)
        self.normalisation = nn.BatchNorm2d(2 * out_channels)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ 2*h 2*w"]:
        return gated(self.normalisation(self.convolution(hidden)))

    def folded(self) -> FoldedUpBlock:
        """The block for sampling; see `attnforge.optional.Folds`."""
        return FoldedUpBlock(self.convolution, self.normalisation)


class ResidualBlock(nn.Module):
    """Adds the residual of two convolutions with a gated linear unit between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution3(channels, 2 * channels)
        self.first_normalisation = nn.BatchNorm2d(2 * channels)
        self.second = convolution3(channels, channels)
        self.second_normalisation = nn.BatchNorm2d(channels)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        inner = gated(self.first_normalisation(self.first(hidden)))
        return hidden + cast(Tensor, self.second_normalisation(self.second(inner)))

    def folded(self) -> FoldedResidualBlock:
        """The block for sampling; see `attnforge.optional.Folds`."""
        return FoldedResidualBlock(
            FoldedConvolution(self.first, self.first_normalisation),
            FoldedConvolution(self.second, self.second_normalisation),
        )


class ImageHead(nn.Module):
    """A hidden map to an RGB image in (-1, 1): a 3 x 3 convolution without bias, then tanh."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = convolution3(channels, 3)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
        image: Any = self.convolution(hidden)
        return cast(Tensor, image.tanh())

    def folded(self) -> FoldedImageHead:
        """The head for sampling; see `attnforge.optional.Folds`."""
        return FoldedImageHead(self.convolution)
