"""StackGAN's first stage: noise and a caption to a small image."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Build, Conditioner, GeneratorOutput, Prompt
from attnforge.ranges import EvenWidth, Width
from attnforge.specs import ConditionerSpec, GeneratorSpec

from .blocks import UpBlock, convolution3

INITIAL_SIZE = 4
"""Side in pixels of the map that the linear layer returns."""


class FirstStage(nn.Module):
    """Generates one small image: the rough shape and colours of what a caption names.

    A linear layer makes a 4 x 4 map of noise and condition; every doubling halves its channels. Words are
    not used. Stage-I of StackGAN (Zhang et al., 2017): with 192 channels, a condition of 128 and sentences
    of 1024 it is the published model for COCO, 20,020,832 parameters.

    Args:
        conditioner: Computes the condition from the sentence; StackGAN's is `augmentation` with `gate: relu`.
        image_size: Side of the image in pixels: 8, 16, 32, 64, ...
        channels: Twice the channels of the last map, as the paper counts them.
        noise: Width of the noise vector.

    Raises:
        RecipeError: The image size is not 4 times a power of two.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        conditioner: Build[Conditioner],
        image_size: Annotated[int, Field(ge=8, le=16_384)] = 64,
        channels: EvenWidth = 128,
        noise: Width = 100,
    ) -> None:
        super().__init__()
        doublings = (image_size // INITIAL_SIZE).bit_length() - 1
        if INITIAL_SIZE << doublings != image_size:
            message = (
                f"images of {image_size} x {image_size} pixels cannot be reached by doubling 4 x 4 pixels"
            )
            raise RecipeError(Problem("image-size", message, expected="8, 16, 32, 64, 128, ..."))
        self.noise = noise
        self.image_sizes = (image_size,)
        self.conditioner = conditioner(ConditionerSpec(sentence=spec.words))
        self.condition = self.conditioner.dim
        self.width = (channels // 2) << doublings
        features = self.width * INITIAL_SIZE**2
        self.linear = nn.Linear(noise + self.condition, features, bias=False)
        self.normalisation = nn.BatchNorm1d(features)
        self.up = nn.Sequential(
            *(UpBlock(self.width >> index, self.width >> (index + 1)) for index in range(doublings))
        )
        self.head = convolution3(channels // 2, 3)
        initialise(self, weights="normal")

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        condition = self.conditioner(prompt.sentence)
        latent = torch.cat((noise, condition.value), dim=1)
        features = F.relu(self.normalisation(self.linear(latent)), inplace=True)
        features = self.up(features.reshape(-1, self.width, INITIAL_SIZE, INITIAL_SIZE))
        image: Tensor = self.head(features)
        return GeneratorOutput(images=(image.tanh(),), attention=(), condition=condition)
