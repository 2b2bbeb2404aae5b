"""Small networks of images: an image encoder and a discriminator."""

from __future__ import annotations

from typing import Annotated

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.interfaces import ImageFeatures, Prompt
from attnforge.specs import DiscriminatorSpec, ImageSpec


class ExampleImageEncoder(nn.Module):
    """One region per 4 x 4 pixels; the image vector is a linear layer of their mean."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.local = nn.Conv2d(3, spec.dim, kernel_size=4, stride=4)
        self.overall = nn.Linear(spec.dim, spec.dim)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        regions = self.local(images).tanh()
        return ImageFeatures(regions=regions, image=self.overall(regions.mean(dim=(2, 3))))


class ExampleDiscriminator(nn.Module):
    """Features of 2 x 2 positions, a linear layer for realness and a projection to compare with the sentence.

    Args:
        channels: Channels of the features.
    """

    def __init__(self, spec: DiscriminatorSpec, *, channels: Annotated[int, Field(ge=1)] = 6) -> None:
        super().__init__()
        side = spec.image_size // 2
        self.trunk = nn.Conv2d(3, channels, kernel_size=side, stride=side)
        self.classify = nn.Linear(4 * channels, 1)
        self.compare = nn.Linear(4 * channels, spec.sentence)
        self.unconditional = True

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 2 2"]:
        """Features for the logits with a sentence and without."""
        convolved: Tensor = self.trunk(images)
        return convolved.maximum(0.2 * convolved)

    def logits(self, features: Float[Tensor, "b c 2 2"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real the image is; with a prompt, also how well it matches."""
        flat = features.flatten(1)
        realness: Tensor = self.classify(flat)[:, 0]
        if prompt is None:
            return realness
        match: Tensor = (self.compare(flat) * prompt.sentence).sum(dim=1)
        return realness + match
