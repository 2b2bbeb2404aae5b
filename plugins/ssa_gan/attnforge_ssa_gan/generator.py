"""SSA-GAN's generator: noise grows to an image in blocks that follow the sentence inside predicted masks."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from attnforge.adversarial.normalisation import GeneratorNorm, synchronise
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Width
from attnforge.specs import GeneratorSpec

from .blocks import ImageOutput, MaskPredictor, SemanticSpatialBlock

FIRST_SIZE = 4
"""Side in pixels of the map that the noise becomes."""
MAX_FACTOR = 8
"""A map has at most MAX_FACTOR times `channels`."""


class SemanticSpatialGenerator(nn.Module):
    """Generates an image in one stage of blocks, each of which follows the sentence inside a mask.

    The noise becomes a map of 4 x 4 pixels. Each block normalises it with a gain and a bias from the sentence
    that act where a mask is high; the mask is predicted from the output of the block before. All blocks after
    the first one double the map beforehand. SSA-GAN (Liao et al., 2022), Sec. 3. With 64 channels and 256
    pixels it is the published model: 29,494,273 parameters.

    Words are not read, only the sentence. There are no attention maps of words, so `attention` is empty; the
    masks, which are shared by all words, are returned by `masks`.

    Args:
        image_size: Side in pixels of the image: 8, 16, 32, ...
        channels: Channels of the last map; the map before has twice as many, and so on, up to eight times.
        noise: Width of the noise vector.
        hidden: Width between the two layers that compute gains or biases from the sentence.
        mask_channels: Channels between the two convolutions that predict a mask.
        norm: `batch` normalises over the batch of one process; `synchronised` over those of all processes,
            as published; both are the same with one process.

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
        mask_channels: Width = 100,
        norm: GeneratorNorm = "batch",
    ) -> None:
        super().__init__()
        widths = block_widths(image_size, channels=channels)
        self.noise = noise
        self.image_sizes = (image_size,)
        self.first = nn.Linear(noise, widths[0] * FIRST_SIZE**2)
        self.mask_predictors = nn.ModuleList()
        self.blocks = nn.ModuleList()
        for before, after in pairwise(widths):
            self.mask_predictors.append(MaskPredictor(before, hidden=mask_channels))
            self.blocks.append(SemanticSpatialBlock(before, after, sentence=spec.words, hidden=hidden))
        self.output = ImageOutput(widths[-1])
        if norm == "synchronised":
            synchronise(self)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        hidden, _ = self._grow(noise, prompt)
        return GeneratorOutput(images=(self.output(hidden),), attention=())

    def masks(self, noise: Float[Tensor, "b n"], prompt: Prompt) -> tuple[Float[Tensor, "b _ _"], ...]:
        """Where the sentence acts in each block, from 0 to 1, from 4 x 4 pixels to the size of the image.

        They are the masks of the image that `forward` generates. In training mode, batch statistics are used
        and updated, as there.
        """
        _, masks = self._grow(noise, prompt)
        return tuple(mask.squeeze(1) for mask in masks)

    def _grow(
        self, noise: Float[Tensor, "b n"], prompt: Prompt
    ) -> tuple[Float[Tensor, "b c h w"], list[Float[Tensor, "b 1 _ _"]]]:
        """The last map, and the mask of every block."""
        hidden: Tensor = self.first(noise).unflatten(1, (-1, FIRST_SIZE, FIRST_SIZE))
        masks: list[Tensor] = []
        for predictor, block in zip(self.mask_predictors, self.blocks, strict=True):
            logits = predictor(hidden)
            if masks:
                hidden = interpolate(hidden, scale_factor=2.0)
                logits = interpolate(logits, size=hidden.shape[2:], mode="bilinear", align_corners=True)
            masks.append(torch.sigmoid(logits))
            hidden = block(hidden, masks[-1], prompt.sentence)
        return hidden, masks


def block_widths(image_size: int, *, channels: int) -> list[int]:
    """Channels before the first block and after each, for images of `image_size` x `image_size` pixels.

    Raises:
        RecipeError: The size is not 8, 16, 32, ...
    """
    if image_size < 2 * FIRST_SIZE or image_size & (image_size - 1):
        message = f"an `ssa-gan` generator cannot generate images of {image_size} x {image_size} pixels"
        raise RecipeError(Problem("image-size", message, expected="8, 16, 32, 64, 128, 256, ..."))
    blocks = (image_size // FIRST_SIZE).bit_length()
    after = [channels * min(1 << left, MAX_FACTOR) for left in reversed(range(blocks))]
    return [after[0], *after]
