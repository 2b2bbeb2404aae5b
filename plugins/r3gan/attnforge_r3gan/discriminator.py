"""R3GAN's discriminator, with the sentence in place of the class."""

from __future__ import annotations

import math
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.ranges import Depth, Width
from attnforge.specs import DiscriminatorSpec
from attnforge_r3gan.blocks import BASE_SIZE, Downsample, ResidualBlock, convolution, scale_preserving
from attnforge_r3gan.widths import FFHQ_64, Blocks, Widths, blocks_of


class R3GANDiscriminator(nn.Module):
    """Classifies an image by a scalar product with its sentence, without normalisation.

    The mirror image of the generator: residual blocks and halvings down to 4 x 4 pixels, then a depthwise
    convolution of all 16 pixels to a vector v. The logit is <U v, W sentence>; with `unconditional`, images
    without a sentence have the logit <u, v>. This is R3GAN's (Huang et al., 2024), where the condition is a
    class, or there is none. The default widths are those of FFHQ-64. Features: b c 4 4. Logits: b.

    Args:
        channels: Channels at each resolution, from 4 x 4 pixels up; those beyond the image size are not used.
        blocks: Residual blocks at each resolution: one number, or one for each.
        expansion: How many times as many channels the inside of a block has.
        group_channels: Channels of one group of the 3 x 3 convolutions.
        embedding: Width of W sentence; without one, the first of `channels`.
        unconditional: Whether there is a head without the sentence.

    Raises:
        RecipeError: `channels` has too few widths for the image size, `blocks` and `channels` differ in
            length, or `group_channels` does not divide a width.
    """

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        channels: Widths = FFHQ_64,
        blocks: Blocks = 2,
        expansion: Depth = 2,
        group_channels: Width = 16,
        embedding: Width | None = None,
        unconditional: bool = False,
    ) -> None:
        super().__init__()
        count = _resolutions(spec.image_size, len(channels))
        numbers, channels = blocks_of(blocks, channels)[:count], channels[:count]
        total = sum(numbers)
        self.unconditional = unconditional
        self.image = convolution(3, channels[-1])
        self.resolutions = nn.ModuleList()
        for index in reversed(range(count)):
            layers: list[nn.Module] = [
                ResidualBlock(
                    channels[index], expansion=expansion, group_channels=group_channels, blocks=total
                )
                for _ in range(numbers[index])
            ]
            if index:
                layers.append(Downsample(channels[index], channels[index - 1]))
            self.resolutions.append(nn.Sequential(*layers))
        width = channels[0]
        self.pool = nn.Conv2d(width, width, kernel_size=BASE_SIZE, groups=width, bias=False)
        self.match = nn.Linear(width, embedding or width, bias=False)
        self.embedding = nn.Linear(spec.sentence, embedding or width, bias=False)
        self.alone = nn.Linear(width, 1, bias=False) if unconditional else None
        scale_preserving(self.pool)
        scale_preserving(self.match)
        if self.alone is not None:
            scale_preserving(self.alone)
        scale_preserving(self.embedding, gain=1 / math.sqrt(self.embedding.out_features))

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 4 4"]:
        """The features of images, shared by all logits."""
        hidden: Tensor = self.image(images)
        for resolution in self.resolutions:
            hidden = resolution(hidden)
        return hidden

    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real images with these features are as images of their captions.

        Raises:
            RecipeError: There is no prompt, and `unconditional` is false.
        """
        vector: Tensor = self.pool(features).flatten(1)
        if prompt is not None:
            return cast(Tensor, (self.match(vector) * self.embedding(prompt.sentence)).sum(dim=1))
        if self.alone is None:
            message = "this discriminator classifies images only together with a sentence"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: true"))
        return cast(Tensor, self.alone(vector)).flatten()


def _resolutions(image_size: int, available: int) -> int:
    """From 4 x 4 pixels to the image, both included."""
    if image_size < BASE_SIZE or image_size & (image_size - 1):
        message = f"a discriminator cannot classify images of {image_size} x {image_size} pixels"
        raise RecipeError(Problem("image-size", message, expected="4, 8, 16, 32, 64, 128, 256, ..."))
    needed = (image_size // BASE_SIZE).bit_length()
    if needed > available:
        message = (
            f"`channels` has {available} widths, too few for images of {image_size} x {image_size} pixels"
        )
        raise RecipeError(
            Problem("resolution-widths", message, expected=f"{needed} widths, from 4 x 4 pixels up")
        )
    return needed
