"""A discriminator of frozen ImageNet features, which were learned from far more images than a run has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from attnforge.adversarial.frozen import Frozen
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec
from attnforge.storage.carried import CarriedFile

from .carried import Size, carried_files
from .network import efficientnet, prepare

MIXED_WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512}
"""Channels that timm's feature maps, of 1/4, 1/8, 1/16 and 1/32 of the image's side, are mixed to."""
FEATURE_SIZE = 4
"""Side in pixels of the features that the heads classify."""
SLOPE = 0.2
"""Of the leaky ReLU."""


class ProjectedDiscriminator(nn.Module):
    """Classifies four maps of features of a frozen network, at four scales.

    Images are resized to `side` pixels. The maps of an EfficientNet-Lite that was trained on ImageNet are
    mixed by fixed random convolutions: 1 x 1 across channels, then from the coarsest to the finest across
    scales. At each scale f_k, spectrally normalised convolutions halve the map to 4 x 4 pixels, and

        logit_k(x, s) = u_k(f_k(x)) + p_k(f_k(x)) . W_k s / sqrt(d)

    Only these learn. This is Projected GAN (Sauer et al., 2021), whose backbone is lite0 too, with a sentence
    in place of the class at every scale, and images of 256 pixels where its code has 224, so that every map
    halves to 4 x 4; with images of 64 pixels, that is the three finest ones. Combine it with the hinge loss,
    no gradient penalty, and `diff-augment`. What such a discriminator has learned must not measure the
    result: use other features for metrics.

    Features: b k*c 4 4. Logits: b k, with k = 4 scales, or 3 of images of 64 pixels.

    Args:
        size: Which network: `lite0`, `lite1` or `lite2`.
        side: Side in pixels to which images are resized; each halving takes a quarter of the time.
        channels: Channels c of the features of each scale.
        weights: Path of the weights file, where its package is not installed.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        size: Size = "lite0",
        side: Literal[64, 128, 256, 512] = 256,
        channels: Width = 64,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        self.unconditional = True
        self.side = side
        self.channels = channels
        network, _ = efficientnet(size, weights=weights)
        self.network = Frozen(network)
        sizes = {index: side >> index + 1 for index in MIXED_WIDTHS}
        self.maps = [index for index, width in sizes.items() if width >= FEATURE_SIZE]
        widths = [MIXED_WIDTHS[index] for index in self.maps]
        self.across_channels = nn.ModuleList(
            nn.Conv2d(network.feature_info[index]["num_chs"], MIXED_WIDTHS[index], kernel_size=1, bias=False)
            for index in self.maps
        )
        self.across_scales = nn.ModuleList(
            nn.Conv2d(coarse, fine, kernel_size=3, padding=1, bias=False) for fine, coarse in pairwise(widths)
        )
        for layer in (*self.across_channels, *self.across_scales):
            nn.init.kaiming_normal_(cast(nn.Conv2d, layer).weight, nonlinearity="linear")
            layer.requires_grad_(False)
        self.scales = nn.ModuleList(
            _scale(
                MIXED_WIDTHS[index],
                channels,
                halvings=sizes[index].bit_length() - FEATURE_SIZE.bit_length(),
            )
            for index in self.maps
        )
        flat = channels * FEATURE_SIZE**2
        self.alone = nn.ModuleList(spectral_norm(nn.Linear(flat, 1)) for _ in self.maps)
        self.image = nn.ModuleList(spectral_norm(nn.Linear(flat, spec.sentence)) for _ in self.maps)
        self.sentence = nn.ModuleList(nn.Linear(spec.sentence, spec.sentence, bias=False) for _ in self.maps)

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The weights of the network."""
        return carried_files(cast("Size", options["size"]), options)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 4 4"]:
        """The features of all scales, one after another."""
        network: Any = self.network.network
        maps = network.forward_intermediates(
            prepare(images, side=self.side),
            indices=self.maps,
            output_fmt="NCHW",
            intermediates_only=True,
        )
        mixed = [layer(features) for layer, features in zip(self.across_channels, maps, strict=True)]
        for index in reversed(range(len(mixed) - 1)):
            coarser = self.across_scales[index](mixed[index + 1])
            mixed[index] = mixed[index] + F.interpolate(coarser, scale_factor=2.0, mode="bilinear")
        return torch.cat([scale(features) for scale, features in zip(self.scales, mixed, strict=True)], dim=1)

    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b k"]:
        """How real images look at each scale; with a prompt, how real as images of it."""
        scales = [scale.flatten(1) for scale in torch.split(features, self.channels, dim=1)]
        alone = [head(scale) for head, scale in zip(self.alone, scales, strict=True)]
        if prompt is None:
            return torch.cat(alone, dim=1)
        sentence = prompt.sentence
        matches = [
            (image(scale) * text(sentence)).sum(dim=1, keepdim=True) / math.sqrt(sentence.shape[1])
            for image, text, scale in zip(self.image, self.sentence, scales, strict=True)
        ]
        return torch.cat(alone, dim=1) + torch.cat(matches, dim=1)


def _scale(mixed: int, channels: int, *, halvings: int) -> nn.Sequential:
    """The convolutions from a map to `channels` x 4 x 4."""
    layers: list[nn.Module] = []
    widths = [mixed] + [max(channels, mixed // 2 ** (index + 1)) for index in range(halvings)]
    for before, after in pairwise(widths):
        layers += [
            spectral_norm(nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1)),
            nn.LeakyReLU(SLOPE),
        ]
    last = spectral_norm(nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1))
    return nn.Sequential(*layers, last, nn.LeakyReLU(SLOPE))
