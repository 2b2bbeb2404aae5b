"""Small networks of images: an image encoder and a discriminator."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
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
        unconditional: Whether there are logits without a prompt.
        patches: Whether there is a logit for each position, instead of one for the image.
    """

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        channels: Annotated[int, Field(ge=1)] = 6,
        unconditional: bool = True,
        patches: bool = False,
    ) -> None:
        super().__init__()
        side = spec.image_size // 2
        self.unconditional = unconditional
        self.patches = patches
        self.trunk = nn.Conv2d(3, channels, kernel_size=side, stride=side)
        width = channels if patches else 4 * channels
        self.classify = nn.Linear(width, 1)
        self.compare = nn.Linear(width, spec.sentence)
        self.regions = nn.Conv2d(channels, spec.sentence, kernel_size=1)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 2 2"]:
        """Features for the logits with a sentence and without."""
        convolved: Tensor = self.trunk(images)
        return convolved.maximum(0.2 * convolved)

    def logits(self, features: Float[Tensor, "b c 2 2"], prompt: Prompt | None) -> Float[Tensor, "b *_"]:
        """How real the image is; with a prompt, also how well it matches.

        Raises:
            RecipeError: There is no prompt, and the discriminator is one-way.
        """
        if prompt is None and not self.unconditional:
            message = "this discriminator classifies images only together with a caption"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: true"))
        vectors = features.movedim(1, -1) if self.patches else features.flatten(1)
        realness: Tensor = self.classify(vectors)[..., 0]
        if prompt is None:
            return realness
        match: Tensor = torch.einsum("b...d,bd->b...", self.compare(vectors), prompt.sentence)
        return realness + match

    def embed(self, features: Float[Tensor, "b c 2 2"]) -> ImageFeatures:
        """A vector for each position, and their mean, of the width of the sentence."""
        regions = self.regions(features)
        return ImageFeatures(regions=regions, image=regions.mean(dim=(2, 3)))
