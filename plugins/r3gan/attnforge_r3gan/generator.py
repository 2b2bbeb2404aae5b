"""R3GAN's generator, with the sentence in place of the class."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Depth, Width
from attnforge.specs import GeneratorSpec
from attnforge_r3gan.blocks import BASE_SIZE, ResidualBlock, Upsample, convolution, scale_preserving
from attnforge_r3gan.widths import FFHQ_64, Blocks, Widths, blocks_of


class R3GANGenerator(nn.Module):
    """Generates one image from noise and sentence with residual blocks and no normalisation.

    A learned map of 4 x 4 pixels, each channel times a linear function of (noise, W sentence), passes through
    residual blocks and is doubled, once for every further width; a 1 x 1 convolution makes the image. This is
    R3GAN's (Huang et al., 2024), where the condition is a class and the output is linear; here tanh follows,
    because images lie in [-1, 1]. The default widths are those of FFHQ-64.

    Args:
        noise: Width of the noise vector.
        channels: Channels at each resolution, from 4 x 4 pixels up; five give images of 64 x 64 pixels.
        blocks: Residual blocks at each resolution: one number, or one for each.
        expansion: How many times as many channels the inside of a block has.
        group_channels: Channels of one group of the 3 x 3 convolutions.
        embedding: Width of W sentence.

    Raises:
        RecipeError: `blocks` and `channels` differ in length, or `group_channels` does not divide a width.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        noise: Width = 64,
        channels: Widths = FFHQ_64,
        blocks: Blocks = 2,
        expansion: Depth = 2,
        group_channels: Width = 16,
        embedding: Width = 64,
    ) -> None:
        super().__init__()
        numbers = blocks_of(blocks, channels)
        self.noise = noise
        self.image_sizes = (BASE_SIZE << (len(channels) - 1),)
        self.embedding = nn.Linear(spec.words, embedding, bias=False)
        self.scale = nn.Linear(noise + embedding, channels[0], bias=False)
        self.base = nn.Parameter(torch.randn(channels[0], BASE_SIZE, BASE_SIZE))
        for layer in (self.embedding, self.scale):
            scale_preserving(layer)
        self.resolutions = nn.ModuleList()
        for index, (width, number) in enumerate(zip(channels, numbers, strict=True)):
            layers: list[nn.Module] = [Upsample(channels[index - 1], width)] if index else []
            for _ in range(number):
                layers.append(
                    ResidualBlock(
                        width, expansion=expansion, group_channels=group_channels, blocks=sum(numbers)
                    )
                )
            self.resolutions.append(nn.Sequential(*layers))
        self.image = convolution(channels[-1], 3)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        return GeneratorOutput(images=(self.pixels(noise, prompt.sentence).tanh(),), attention=())

    def pixels(self, noise: Float[Tensor, "b n"], sentence: Float[Tensor, "b d"]) -> Float[Tensor, "b 3 h w"]:
        """The image before tanh, which is the published network's output."""
        latent = torch.cat((noise, self.embedding(sentence)), dim=1)
        hidden: Tensor = self.base * self.scale(latent)[:, :, None, None]
        for resolution in self.resolutions:
            hidden = resolution(hidden)
        return cast(Tensor, self.image(hidden))
