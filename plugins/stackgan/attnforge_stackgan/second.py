"""StackGAN's second stage: a caption and the image of a trained generator to an image four times as large."""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Build, Conditioner, Generator, GeneratorOutput, Prompt
from attnforge.specs import ConditionerSpec, GeneratorSpec

from .blocks import Block, ResidualBlock, UpBlock, convolution3

ENLARGEMENT = 4
"""How many times as large the second image is as the first."""


class SecondStage(nn.Module):
    """Corrects the image of a first stage and adds its details, at four times the size.

    The first image is encoded to a quarter of its side; a second condition, sampled from the sentence, is
    concatenated at every pixel; residual blocks mix both, and four doublings follow. No gradient reaches the
    first stage, which the task `stackgan-first` or `pretrained` has trained. Stage-II of StackGAN (Zhang et
    al., 2017): with 192 channels, two residual blocks and a first stage of 192 channels it is the published
    model for COCO, 57,151,312 parameters, of which 37,130,480 are trained.

    Args:
        conditioner: Computes the second stage's own condition from the sentence.
        first: The first stage: any generator, whose last image is taken.
        channels: Channels of the encoder's first map; the last map has a quarter of them.
        residual_blocks: How many residual blocks.
        first_mode: `evaluation` generates first images as sampling does. With `training`, the first stage
            normalises by the statistics of the batch while the second is trained, and its running statistics
            move although it is frozen, as in the official code.

    Raises:
        RecipeError: The side of the first image is no multiple of 4, or no module generates it.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        conditioner: Build[Conditioner],
        first: Build[Generator],
        channels: Annotated[int, Field(ge=4, le=65_536, multiple_of=4)] = 128,
        residual_blocks: Annotated[int, Field(ge=0, le=1_000)] = 4,
        first_mode: Literal["evaluation", "training"] = "evaluation",
    ) -> None:
        super().__init__()
        self.first_mode: Literal["evaluation", "training"] = first_mode
        self.conditioner = conditioner(ConditionerSpec(sentence=spec.words))
        self.condition = self.conditioner.dim
        self.encode = nn.Sequential(
            convolution3(3, channels), nn.ReLU(), Block(_halving(channels)), Block(_halving(2 * channels))
        )
        width = 4 * channels
        self.joint = Block(convolution3(width + self.condition, width))
        self.residual = nn.Sequential(*(ResidualBlock(width) for _ in range(residual_blocks)))
        self.up = nn.Sequential(*(UpBlock(width >> index, width >> (index + 1)) for index in range(4)))
        self.head = convolution3(channels // 4, 3)
        initialise(self, weights="normal")
        first_stage = first(spec)
        self.first = _module(first_stage).requires_grad_(False)
        self.noise = first_stage.noise
        self.image_sizes = (ENLARGEMENT * first_stage.image_sizes[-1],)

    @property
    def first_stage(self) -> Generator:
        """The first stage, as a generator."""
        return cast(Generator, self.first)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        with torch.no_grad():
            first = self.first(noise, prompt).images[-1]
        condition = self.conditioner(prompt.sentence)
        features: Tensor = self.encode(first)
        tiled = condition.value[:, :, None, None].expand(-1, -1, *features.shape[2:])
        features = self.residual(self.joint(torch.cat((features, tiled), dim=1)))
        image: Tensor = self.head(self.up(features))
        return GeneratorOutput(images=(image.tanh(),), attention=(), condition=condition)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.first_mode == "evaluation":
            self.first.eval()
        return self


def _module(first: Generator) -> nn.Module:
    """The first stage as a module, so that its weights are saved with those of the second."""
    if not isinstance(first, nn.Module):
        message = f"the first stage {type(first).__name__} is not a torch.nn.Module"
        raise RecipeError(Problem("not-a-module", message, expected="a class that extends torch.nn.Module"))
    size = first.image_sizes[-1]
    if size % ENLARGEMENT:
        message = f"the second stage cannot encode images of {size} x {size} pixels"
        raise RecipeError(Problem("image-size", message, expected="a first stage with a multiple of 4"))
    return first


def _halving(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, 2 * channels, kernel_size=4, stride=2, padding=1, bias=False)
