"""DF-GAN's discriminator: one logit for an image together with its sentence."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec

from .fusion import SLOPE
from .widths import INNER_SIZE, channels_by_size


class OneWayDiscriminator(nn.Module):
    """Classifies images only together with their sentence: real and matching, or not.

    Residual blocks halve the image until 4 x 4 pixels are left; the sentence is concatenated there at every
    pixel, and two convolutions give the logit: the one-way output of Tao et al., 2022. Features: b c 4 4.
    Logits: b. With 32 channels it is the published model, with 64 channels and at most 1024 that of SSA-GAN
    and RAT-GAN: at 256 pixels 6,915,142 and 80,379,526 parameters with `unused_shortcuts`.

    Args:
        channels: Channels of the first map; each halving doubles them.
        max_channels: Upper bound of the channels of any map; by default 8 times `channels`.
        unused_shortcuts: Also hold, frozen, the 1 x 1 convolutions of blocks that keep their width. The
            official network has them and never applies them; nothing but the parameter count changes.

    Raises:
        RecipeError: The image size is not a power of two, or below 8.
    """

    unconditional = False

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        channels: Width = 32,
        max_channels: Width | None = None,
        unused_shortcuts: bool = False,
    ) -> None:
        super().__init__()
        widths = channels_by_size(spec.image_size, channels=channels, max_channels=max_channels)
        self.first = nn.Conv2d(3, widths[0], kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(
            DownBlock(before, after, unused_shortcut=unused_shortcuts)
            for before, after in itertools.pairwise(widths)
        )
        self.joint = nn.Conv2d(widths[-1] + spec.sentence, 2 * channels, kernel_size=3, padding=1, bias=False)
        self.head = nn.Conv2d(2 * channels, 1, kernel_size=INNER_SIZE, bias=False)

    def forward(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt) -> Float[Tensor, "b"]:
        return self.logits(self.features(images), prompt)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 4 4"]:
        """The features of images, without their captions."""
        features: Tensor = self.first(images)
        for block in self.blocks:
            features = block(features)
        return features

    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is as an image of its sentence.

        Raises:
            RecipeError: There is no prompt.
        """
        if prompt is None:
            message = "a one-way discriminator classifies images only together with a sentence"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: false"))
        tiled = prompt.sentence[:, :, None, None].expand(-1, -1, *features.shape[2:])
        joint = F.leaky_relu(self.joint(torch.cat((features, tiled), dim=1)), SLOPE, inplace=True)
        logits: Tensor = self.head(joint)
        return logits.flatten()


class DownBlock(nn.Module):
    """Halves a map: average pooling plus the residual of two convolutions, times a gain that starts at 0.

    Args:
        in_channels: Channels of the input map.
        out_channels: Channels of the output map; if there are more, a 1 x 1 convolution on the shortcut.
        unused_shortcut: Hold that convolution even where it is not applied.
    """

    def __init__(self, in_channels: int, out_channels: int, *, unused_shortcut: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.gain = nn.Parameter(torch.zeros(1))
        self.widens = in_channels != out_channels
        self.shortcut = None
        if self.widens or unused_shortcut:
            self.shortcut = nn.Conv2d(in_channels, out_channels, kernel_size=1).requires_grad_(self.widens)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        residual = F.leaky_relu(self.first(features), SLOPE, inplace=True)
        residual = F.leaky_relu(self.second(residual), SLOPE, inplace=True)
        shortcut = F.avg_pool2d(features, kernel_size=2)
        if self.shortcut is not None and self.widens:
            # The official network pools last. Both are linear in each pixel, so the values are the same.
            shortcut = self.shortcut(shortcut)
        return shortcut + self.gain * residual
