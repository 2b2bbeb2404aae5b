"""DF-GAN's generator: one stage from noise to an image of the full size."""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Width
from attnforge.specs import GeneratorSpec

from .fusion import SLOPE, UpBlock
from .widths import INNER_SIZE, channels_by_size


class DeepFusionGenerator(nn.Module):
    """Generates one image, without stages: noise to 4 x 4 pixels, doubled by deep fusion blocks.

    Every block is conditioned on the noise concatenated with the sentence; words are not used: the one-stage
    backbone of Tao et al., 2022. With 32 channels, 256 pixels, noise of 100 and sentences of 256 it is the
    published model: 9,744,131 parameters.

    Args:
        image_size: Side of the image in pixels: 8, 16, ..., 64, 128, 256, ...
        channels: Channels of the last map; each smaller map has twice as many.
        max_channels: Upper bound of the channels of any map; by default 8 times `channels`.
        noise: Width of the noise vector.

    Raises:
        RecipeError: The image size is not a power of two, or below 8.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        image_size: Annotated[int, Field(ge=8, le=16_384)] = 256,
        channels: Width = 32,
        max_channels: Width | None = None,
        noise: Width = 100,
    ) -> None:
        super().__init__()
        self.noise = noise
        self.image_sizes = (image_size,)
        widths = channels_by_size(image_size, channels=channels, max_channels=max_channels)[::-1]
        condition = noise + spec.words
        self.first = nn.Linear(noise, widths[0] * INNER_SIZE**2)
        self.blocks = nn.ModuleList(
            UpBlock(before, after, condition) for before, after in itertools.pairwise(widths)
        )
        self.head = nn.Conv2d(widths[-1], 3, kernel_size=3, padding=1)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        condition = torch.cat((noise, prompt.sentence), dim=1)
        features: Tensor = self.first(noise).unflatten(1, (-1, INNER_SIZE, INNER_SIZE))
        for block in self.blocks:
            features = block(features, condition)
        image: Tensor = self.head(F.leaky_relu(features, SLOPE, inplace=True))
        return GeneratorOutput(images=(image.tanh(),), attention=())
