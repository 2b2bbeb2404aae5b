"""Small networks that look at images: an image encoder and a discriminator."""

from __future__ import annotations

from typing import Annotated

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.interfaces import ImageFeatures
from attnforge.specs import DiscriminatorSpec, ImageSpec


class ExampleImageEncoder(nn.Module):
    """One vector for each square of 4 x 4 pixels; the image vector is their mean, once more transformed."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.local = nn.Conv2d(3, spec.dim, kernel_size=4, stride=4)
        self.overall = nn.Linear(spec.dim, spec.dim)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        regions = self.local(images).tanh()
        return ImageFeatures(regions=regions, image=self.overall(regions.mean(dim=(2, 3))))


class ExampleDiscriminator(nn.Module):
    """Features of 2 x 2 places; one layer judges them alone, a scalar product together with the sentence.

    Args:
        channels: Channels of the features.
    """

    def __init__(self, spec: DiscriminatorSpec, *, channels: Annotated[int, Field(ge=1)] = 6) -> None:
        super().__init__()
        side = spec.image_size // 2
        self.trunk = nn.Conv2d(3, channels, kernel_size=side, stride=side)
        self.judge = nn.Linear(4 * channels, 1)
        self.compare = nn.Linear(4 * channels, spec.sentence)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 2 2"]:
        """What both judgements look at."""
        convolved: Tensor = self.trunk(images)
        return convolved.maximum(0.2 * convolved)

    def logits(
        self, features: Float[Tensor, "b c 2 2"], sentence: Float[Tensor, "b d"] | None
    ) -> Float[Tensor, "b"]:
        """How real the image is; with a sentence, how real as an image of it."""
        flat = features.flatten(1)
        alone: Tensor = self.judge(flat)[:, 0]
        if sentence is None:
            return alone
        fitting: Tensor = (self.compare(flat) * sentence).sum(dim=1)
        return alone + fitting
