"""GAN-INT-CLS's discriminators: one logit for an image together with its sentence."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec
from attnforge_gan_int_cls.generator import IMAGE_SIZE
from attnforge_gan_int_cls.layers import SLOPE, Bottleneck, OfficialBias, zero_biases


class MatchingAwareDiscriminator(nn.Module):
    """Classifies images of 64 x 64 pixels together with their sentence (Reed et al., ICML 2016).

    Four strided convolutions and a residual bottleneck make 4 x 4 features; the projected sentence is
    concatenated there at every pixel, and two convolutions give the logit. Features: b c 4 4. Logits: b.

    Args:
        channels: Channels of the first map; 64 in the program for birds, 196 in that for photographs.
        text: Width of the projected sentence.
        program: Which official program: `birds` has batch normalisation on the projected sentence and no
            activation after the third convolution; `photographs` has the activation and no normalisation.
        official_bias: `zero` sets the biases of convolutions to 0 before every pass in training and leaves
            the optimizer's update in place after it, a defect of the official code; `train` trains them.

    Raises:
        RecipeError: The images are not of 64 x 64 pixels.
    """

    unconditional = False

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        channels: Width = 64,
        text: Width = 128,
        program: Literal["birds", "photographs"] = "birds",
        official_bias: OfficialBias = "train",
    ) -> None:
        super().__init__()
        if spec.image_size != IMAGE_SIZE:
            message = (
                f"discriminator `gan-int-cls` has no network for images of {spec.image_size} x "
                f"{spec.image_size} pixels"
            )
            raise RecipeError(Problem("image-size", message, expected=f"images of {IMAGE_SIZE} pixels"))
        self.official_bias: OfficialBias = official_bias
        photographs = program == "photographs"
        self.layers = nn.Sequential(
            _halving(3, channels),
            nn.LeakyReLU(SLOPE),
            _halving(channels, 2 * channels),
            nn.BatchNorm2d(2 * channels),
            nn.LeakyReLU(SLOPE),
            _halving(2 * channels, 4 * channels),
            nn.BatchNorm2d(4 * channels),
            nn.LeakyReLU(SLOPE) if photographs else nn.Identity(),
            _halving(4 * channels, 8 * channels),
            nn.BatchNorm2d(8 * channels),
            Bottleneck(8 * channels, 2 * channels, lambda: nn.LeakyReLU(SLOPE)),
        )
        self.text = nn.Sequential(
            nn.Linear(spec.sentence, text),
            nn.Identity() if photographs else nn.BatchNorm1d(text),
            nn.LeakyReLU(SLOPE),
        )
        self.joint = nn.Sequential(
            nn.Conv2d(8 * channels + text, 8 * channels, kernel_size=1),
            nn.BatchNorm2d(8 * channels),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(8 * channels, 1, kernel_size=4),
        )
        initialise_convolutions(self)

    def forward(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt) -> Float[Tensor, "b"]:
        return self.logits(self.features(images), prompt)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 4 4"]:
        """The features of images, without their captions."""
        if self.training and self.official_bias == "zero":
            zero_biases(self)
        features: Tensor = self.layers(images)
        return features

    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is as an image of its sentence.

        Raises:
            RecipeError: There is no prompt.
        """
        if prompt is None:
            message = "a matching-aware discriminator classifies images only together with a sentence"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: false"))
        sentence: Tensor = self.text(prompt.sentence)
        tiled = sentence[:, :, None, None].expand(-1, -1, *features.shape[2:])
        logits: Tensor = self.joint(torch.cat((features, tiled), dim=1))
        return logits.flatten()


def _halving(channels: int, out_channels: int) -> nn.Conv2d:
    """Halves the sides of a map."""
    return nn.Conv2d(channels, out_channels, kernel_size=4, stride=2, padding=1)
