"""GAN-INT-CLS's generator: noise and sentence to 64 x 64 pixels by transposed convolutions."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Width
from attnforge.specs import GeneratorSpec
from attnforge_gan_int_cls.layers import SLOPE, Bottleneck, OfficialBias, zero_biases

IMAGE_SIZE = 64


class DeepConvolutionalGenerator(nn.Module):
    """Generates an image of 64 x 64 pixels from noise and sentence (Reed et al., ICML 2016).

    The sentence is projected and concatenated behind the noise; transposed convolutions double the map from
    4 x 4 pixels, with residual bottlenecks at 4 x 4 and 8 x 8. Words are not used.

    Args:
        channels: Channels of the last map; 128 in the program for birds, 196 in that for photographs.
        noise: Width of the noise vector.
        text: Width of the projected sentence.
        official_bias: `zero` sets the biases of convolutions to 0 before every pass in training and leaves
            the optimizer's update in place after it, a defect of the official code; `train` trains them.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        channels: Width = 128,
        noise: Width = 100,
        text: Width = 128,
        official_bias: OfficialBias = "train",
    ) -> None:
        super().__init__()
        self.noise = noise
        self.image_sizes = (IMAGE_SIZE,)
        self.official_bias: OfficialBias = official_bias
        self.text = nn.Sequential(nn.Linear(spec.words, text), nn.LeakyReLU(SLOPE))
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(noise + text, 8 * channels, kernel_size=4),
            nn.BatchNorm2d(8 * channels),
            Bottleneck(8 * channels, 2 * channels, nn.ReLU),
            _doubling(8 * channels, 4 * channels),
            nn.BatchNorm2d(4 * channels),
            Bottleneck(4 * channels, channels, nn.ReLU),
            _doubling(4 * channels, 2 * channels),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            _doubling(2 * channels, channels),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            _doubling(channels, 3),
            nn.Tanh(),
        )
        initialise_convolutions(self)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        if self.training and self.official_bias == "zero":
            zero_biases(self)
        condition = torch.cat((noise, self.text(prompt.sentence)), dim=1)
        image: Tensor = self.layers(condition[:, :, None, None])
        return GeneratorOutput(images=(image,), attention=())


def _doubling(channels: int, out_channels: int) -> nn.ConvTranspose2d:
    """Doubles the sides of a map."""
    return nn.ConvTranspose2d(channels, out_channels, kernel_size=4, stride=2, padding=1)
