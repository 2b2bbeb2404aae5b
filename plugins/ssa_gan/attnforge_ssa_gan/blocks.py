"""The blocks of SSA-GAN's generator: mask predictor, semantic-spatial block, output layers."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .normalisation import SemanticSpatialNorm


class MaskPredictor(nn.Module):
    """Where in a map the text should act: a logit for every pixel.

    A 3 x 3 convolution, batch normalisation, ReLU and a 1 x 1 convolution: the weakly supervised mask
    predictor of SSA-GAN (Liao et al., 2022). It learns from the losses of the images alone.
    """

    def __init__(self, channels: int, *, hidden: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, hidden, kernel_size=3, padding=1)
        self.normalisation = nn.BatchNorm2d(hidden)
        self.logits = nn.Conv2d(hidden, 1, kernel_size=1)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
        activated = torch.relu(self.normalisation(self.convolution(hidden)))
        return cast(Tensor, self.logits(activated))


class SemanticSpatialBlock(nn.Module):
    """A residual block whose two convolutions follow a semantic-spatial normalisation and a ReLU each.

    The residual is multiplied by a learned scalar, which is zero at first; SSA-GAN (Liao et al., 2022).

    Args:
        before: Channels of the input map.
        after: Channels of the output map; where they differ, the shortcut is a 1 x 1 convolution.
        sentence: Width of the sentence vector.
        hidden: Width between the layers that read the sentence.
    """

    def __init__(self, before: int, after: int, *, sentence: int, hidden: int) -> None:
        super().__init__()
        self.first_norm = SemanticSpatialNorm(before, sentence=sentence, hidden=hidden)
        self.first = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.second_norm = SemanticSpatialNorm(after, sentence=sentence, hidden=hidden)
        self.second = nn.Conv2d(after, after, kernel_size=3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, kernel_size=1)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"],
        mask: Float[Tensor, "b 1 h w"],
        sentence: Float[Tensor, "b d"],
    ) -> Float[Tensor, "b _ h w"]:
        residual = self.first(torch.relu(self.first_norm(hidden, mask, sentence)))
        residual = self.second(torch.relu(self.second_norm(residual, mask, sentence)))
        return cast(Tensor, self.shortcut(hidden) + self.scale * residual)


class ImageOutput(nn.Module):
    """A map to an RGB image in (-1, 1): batch normalisation, leaky ReLU (slope 0.2), convolution, tanh."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.normalisation = nn.BatchNorm2d(channels)
        self.activation = nn.LeakyReLU(0.2)
        self.convolution = nn.Conv2d(channels, 3, kernel_size=3, padding=1)

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
        return torch.tanh(self.convolution(self.activation(self.normalisation(hidden))))
