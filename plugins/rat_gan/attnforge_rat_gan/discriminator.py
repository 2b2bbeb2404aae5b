"""RAT-GAN's discriminator: where an image could show its sentence, and whether it does."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec

from .blocks import SLOPE

FEATURE_SIZE = 8
"""Side in pixels of the features that the attention weights."""
MAX_FACTOR = 16
"""A map has at most MAX_FACTOR times `channels`."""


class SpatialAttentionDiscriminator(nn.Module):
    """Classifies an image with its sentence, which it places where its attention lies.

    Residual blocks halve the image until 8 x 8 pixels are left. There, image and sentence give a softmax over
    the pixels, by which the sentence is multiplied at each of them; one more block and a head see both. One
    logit an image, and none without a prompt. Features: b c 8 8. Logits: b. The spatial attention
    discriminator of RAT-GAN (Ye et al., 2022), which the authors' code defines and does not use; they train
    with DF-GAN's, `df-gan` with `max_channels` of 16 times its `channels`.

    Args:
        channels: Channels of the first map; every block doubles them, up to 16 times.

    Raises:
        RecipeError: The image size is not a power of two from 16.
    """

    unconditional = False

    def __init__(self, spec: DiscriminatorSpec, *, channels: Width = 64) -> None:
        super().__init__()
        widths = trunk_widths(spec.image_size, channels=channels)
        self.first = nn.Conv2d(3, widths[0], kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(DownBlock(before, after) for before, after in pairwise(widths))
        joint = widths[-1] + spec.sentence
        self.attend = nn.Sequential(
            nn.Conv2d(joint, 2 * channels, kernel_size=3, padding=1, bias=False),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(2 * channels, 1, kernel_size=1, bias=False),
        )
        self.last = DownBlock(joint, widths[-1])
        self.head = nn.Sequential(
            nn.Conv2d(joint, 2 * channels, kernel_size=3, padding=1, bias=False),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(2 * channels, 1, kernel_size=FEATURE_SIZE // 2, bias=False),
        )

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 8 8"]:
        """The features of images, shared by all logits."""
        features: Tensor = self.first(images)
        for block in self.blocks:
            features = block(features)
        return features

    def attention(self, features: Float[Tensor, "b c 8 8"], prompt: Prompt) -> Float[Tensor, "b 8 8"]:
        """How much the sentence is looked for at each pixel, summing to one over the pixels.

        It is a softmax of sigmoids, so no pixel has e times the attention of another.
        """
        return self._attention(features, _tiled(prompt, like=features)).squeeze(1)

    def logits(self, features: Float[Tensor, "b c 8 8"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is as an image of its sentence.

        Raises:
            RecipeError: There is no prompt.
        """
        if prompt is None:
            message = "this discriminator classifies images only together with a sentence"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: false"))
        sentence = _tiled(prompt, like=features)
        attended = sentence * self._attention(features, sentence)
        hidden = self.last(torch.cat((features, attended), dim=1))
        logits: Tensor = self.head(torch.cat((hidden, _tiled(prompt, like=hidden)), dim=1))
        return logits.flatten()

    def _attention(
        self, features: Float[Tensor, "b c h w"], sentence: Float[Tensor, "b d h w"]
    ) -> Float[Tensor, "b 1 h w"]:
        scores = cast(Tensor, self.attend(torch.cat((features, sentence), dim=1))).sigmoid()
        return scores.flatten(1).softmax(dim=1).view_as(scores)


class DownBlock(nn.Module):
    """Halves a map by mean pooling; adds two convolutions times a scalar that is zero at first."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(after, after, kernel_size=3, padding=1, bias=False)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, kernel_size=1)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        residual = leaky_relu(self.first(features), SLOPE)
        residual = leaky_relu(self.second(residual), SLOPE)
        return cast(Tensor, self.shortcut(avg_pool2d(features, kernel_size=2)) + self.scale * residual)


def trunk_widths(image_size: int, *, channels: int) -> list[int]:
    """Channels after the first convolution and after each block, to 8 x 8 pixels.

    Raises:
        RecipeError: The size is not 16, 32, 64, ...
    """
    if image_size < 2 * FEATURE_SIZE or image_size & (image_size - 1):
        message = f"`spatial-attention` cannot classify images of {image_size} x {image_size} pixels"
        raise RecipeError(Problem("image-size", message, expected="16, 32, 64, 128, 256, ..."))
    halvings = (image_size // FEATURE_SIZE).bit_length() - 1
    return [channels * min(1 << halving, MAX_FACTOR) for halving in range(halvings + 1)]


def _tiled(prompt: Prompt, *, like: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
    """The sentence at every pixel of a map."""
    return prompt.sentence[:, :, None, None].expand(-1, -1, *like.shape[2:])
