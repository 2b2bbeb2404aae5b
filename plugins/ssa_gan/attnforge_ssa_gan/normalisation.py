"""Batch normalisation whose gain and bias come from a sentence, and act where a mask lets them."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SemanticSpatialNorm(nn.Module):
    """Batch normalisation, then an affine transformation by the sentence, weighted at every pixel by a mask.

    y = (1 + m gamma(s)) (x - mean) / deviation + m beta(s), with a mask m from 0 to 1, the same for all
    channels: the semantic-spatial batch normalisation of SSA-GAN (Liao et al., 2022). Where m is 0, the map
    is only normalised. gamma and beta are networks of two layers; the second starts at zero, so that the
    sentence has no influence at first.

    Args:
        channels: Channels of the map.
        sentence: Width of the sentence vector.
        hidden: Width between the layers of gamma and of beta.
    """

    def __init__(self, channels: int, *, sentence: int, hidden: int) -> None:
        super().__init__()
        self.normalisation = nn.BatchNorm2d(channels, affine=False)
        self.gain = sentence_layers(sentence, hidden, channels)
        self.bias = sentence_layers(sentence, hidden, channels)

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"],
        mask: Float[Tensor, "b 1 h w"],
        sentence: Float[Tensor, "b d"],
    ) -> Float[Tensor, "b c h w"]:
        normalised: Tensor = self.normalisation(hidden)
        gain = cast(Tensor, self.gain(sentence))[:, :, None, None]
        bias = cast(Tensor, self.bias(sentence))[:, :, None, None]
        # n + m (gamma n + beta) instead of (1 + m gamma) n + m beta: one large map less
        return torch.addcmul(normalised, mask, torch.addcmul(bias, gain, normalised))


def sentence_layers(sentence: int, hidden: int, channels: int) -> nn.Sequential:
    """Two layers from a sentence to a number for each channel, which is zero at first."""
    last = nn.Linear(hidden, channels)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(sentence, hidden), nn.ReLU(), last)
