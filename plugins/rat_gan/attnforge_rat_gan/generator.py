"""RAT-GAN's generator: noise grows to an image through affine layers that share a recurrent network."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Width
from attnforge.specs import GeneratorSpec

from .blocks import LAYERS, ImageOutput, RecurrentAffineBlock
from .recurrence import RecurrentConditions

FIRST_SIZE = 4
"""Side in pixels of the map that the noise becomes."""
MAX_FACTOR = 8
"""A map has at most MAX_FACTOR times `channels`."""


class RecurrentAffineGenerator(nn.Module):
    """Generates an image in one stage, conditioned by affine layers that an LSTM connects.

    The noise becomes a map of 4 x 4 pixels and the first state of the LSTM, which reads the sentence once for
    every affine layer; its hidden state is the condition of that layer, which so depends on those of the
    layers before. All blocks after the first one double the map beforehand. RAT-GAN (Ye et al., 2022),
    Sec. 3. With 64 channels and 256 pixels it is the published model: 32,057,098 parameters, without the
    6,034,560 of layers that the official code creates and never calls. Words are not read, only the sentence;
    there are no attention maps.

    Args:
        image_size: Side in pixels of the image: 8, 16, 32, ...
        channels: Channels of the last map; the map before has twice as many, and so on, up to eight times.
        noise: Width of the noise vector.
        hidden: Width of the LSTM's state.

    Raises:
        RecipeError: The image size is not a power of two from 8.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        image_size: Annotated[int, Field(ge=2 * FIRST_SIZE, le=16_384)] = 256,
        channels: Width = 64,
        noise: Width = 100,
        hidden: Width = 256,
    ) -> None:
        super().__init__()
        widths = block_widths(image_size, channels=channels)
        self.noise = noise
        self.image_sizes = (image_size,)
        self.conditions = RecurrentConditions(sentence=spec.words, noise=noise, hidden=hidden)
        self.first = nn.Linear(noise, widths[0] * FIRST_SIZE**2)
        self.blocks = nn.ModuleList(
            RecurrentAffineBlock(before, after, condition=hidden) for before, after in pairwise(widths)
        )
        self.output = ImageOutput(widths[-1])

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        conditions = self.conditions(noise, prompt.sentence, layers=LAYERS * len(self.blocks))
        hidden: Tensor = self.first(noise).unflatten(1, (-1, FIRST_SIZE, FIRST_SIZE))
        for index, block in enumerate(self.blocks):
            if index:
                hidden = interpolate(hidden, scale_factor=2.0)
            hidden = block(hidden, conditions[LAYERS * index : LAYERS * (index + 1)])
        return GeneratorOutput(images=(self.output(hidden),), attention=())


def block_widths(image_size: int, *, channels: int) -> list[int]:
    """Channels before the first block and after each, for images of `image_size` x `image_size` pixels.

    Raises:
        RecipeError: The size is not 8, 16, 32, ...
    """
    if image_size < 2 * FIRST_SIZE or image_size & (image_size - 1):
        message = f"a `rat-gan` generator cannot generate images of {image_size} x {image_size} pixels"
        raise RecipeError(Problem("image-size", message, expected="8, 16, 32, 64, 128, 256, ..."))
    blocks = (image_size // FIRST_SIZE).bit_length()
    after = [channels * min(1 << left, MAX_FACTOR) for left in reversed(range(blocks))]
    return [after[0], *after]
