"""What both discriminators share: the image's features, its global path, and the logit of both paths."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.specs import DiscriminatorSpec
from attnforge_gawwn.layers import SLOPE, closing, convolution, doublings, halving, linear

IMAGE_SIZES = (64, 128, 256)


class PlaceDiscriminator(nn.Module, ABC):
    """Classifies images together with a sentence and a place: a box or key points.

    Features of 16 x 16 pixels go two ways: the local path keeps what lies at the place, the global path
    reduces the whole image; the vectors of both are joined for the logit.

    Args:
        spec: The images and the sentence.
        channels: Channels of the first map.
        text: Width of the projected sentence.
        placed: Channels that are joined to the features of the local path.
        summary: Channels of the sentence that are joined to those of the global path.

    Raises:
        RecipeError: The images are of another size than 64, 128 or 256 pixels.
    """

    unconditional: ClassVar[bool] = False

    def __init__(
        self, spec: DiscriminatorSpec, *, channels: int, text: int, placed: int, summary: int
    ) -> None:
        super().__init__()
        if spec.image_size not in IMAGE_SIZES:
            size = spec.image_size
            message = f"the discriminators of GAWWN have no network for images of {size} x {size} pixels"
            expected = f"images of {', '.join(map(str, IMAGE_SIZES[:-1]))} or {IMAGE_SIZES[-1]} pixels"
            raise RecipeError(Problem("image-size", message, expected=expected))
        plain: list[nn.Module] = []
        before = 3
        for _ in range(doublings(spec.image_size) - 1):
            plain += [nn.Conv2d(before, channels, kernel_size=4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
            before = channels
        self.layers = nn.Sequential(
            *plain,
            *halving(channels, 2 * channels),
            nn.LeakyReLU(SLOPE),
            *convolution(2 * channels, 2 * channels, kernel=3),
            nn.LeakyReLU(SLOPE),
        )
        self.text = nn.Sequential(nn.Linear(spec.sentence, text), nn.LeakyReLU(SLOPE))
        self.joint = nn.Sequential(
            *convolution(2 * channels + text, 2 * channels, kernel=3), nn.LeakyReLU(SLOPE)
        )
        self.local = nn.Sequential(
            *convolution(2 * channels + placed, 2 * channels, kernel=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(2 * channels, channels, kernel_size=1),
        )
        self.whole = nn.Sequential(
            *halving(2 * channels, 4 * channels),
            nn.LeakyReLU(SLOPE),
            *halving(4 * channels, 8 * channels),
            nn.LeakyReLU(SLOPE),
        )
        self.whole_joint = nn.Sequential(
            *convolution(8 * channels + summary, 4 * channels, kernel=1),
            nn.LeakyReLU(SLOPE),
            *closing(4 * channels, channels),
            nn.LeakyReLU(SLOPE),
        )
        self.head = nn.Sequential(
            *linear(2 * channels, channels), nn.LeakyReLU(SLOPE), nn.Linear(channels, 1)
        )

    def forward(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt) -> Float[Tensor, "b"]:
        return self.logits(self.features(images), prompt)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 16 16"]:
        """The features of images, without captions and places."""
        features: Tensor = self.layers(images)
        return features

    def logits(self, features: Float[Tensor, "b c 16 16"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is as one of its sentence at its place.

        Raises:
            RecipeError: There is no prompt.
        """
        if prompt is None:
            message = "a discriminator of GAWWN classifies images only together with a sentence and a place"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: false"))
        text: Tensor = self.text(prompt.sentence)
        local = self.local_vector(features, text, prompt)
        whole = torch.cat((self.whole(features), self.text_summary(text, prompt)), dim=1)
        logits: Tensor = self.head(torch.cat((local, self.whole_joint(whole).flatten(1)), dim=1))
        return logits.flatten()

    @abstractmethod
    def local_vector(
        self, features: Float[Tensor, "b c 16 16"], text: Float[Tensor, "b t"], prompt: Prompt
    ) -> Float[Tensor, "b k"]:
        """What the image shows at its place, with its sentence."""

    @abstractmethod
    def text_summary(self, text: Float[Tensor, "b t"], prompt: Prompt) -> Float[Tensor, "b s 4 4"]:
        """The sentence as the global path sees it."""
