"""A small GAN of key points: where the parts of an object lie, from its caption and points that are given."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.ranges import Width
from attnforge_gawwn.layers import SLOPE, linear
from attnforge_gawwn.sizes import InnerWidth


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The generator of key points, as a section of a recipe.

    Args:
        channels: Its widest layer is eight times as wide; 128 is the published width.
        noise: Width of the noise vector.
    """

    channels: InnerWidth = 128
    noise: Width = 100


class LayoutGenerator(nn.Module):
    """Generates key points for a sentence, around those that are given (Reed et al., NeurIPS 2016).

    Noise, sentence and given points are encoded and joined; a perceptron gives x, y and visibility of every
    point, each in [0, 1]. A given point, whose third number is 1, stays as it is. With the published width it
    has 2,715,949 parameters.

    Args:
        words: Width of the sentence vector.
        points: Number of points.
        layout: Its options.
    """

    def __init__(self, *, words: int, points: int, layout: Layout) -> None:
        super().__init__()
        channels = layout.channels
        self.noise = layout.noise
        self.project_noise = nn.Sequential(nn.Linear(layout.noise, 4 * channels), nn.ReLU())
        self.text = nn.Sequential(nn.Linear(words, 4 * channels), nn.ReLU())
        self.known = nn.Sequential(
            *linear(3 * points, 4 * channels), nn.ReLU(), *linear(4 * channels, 2 * channels), nn.ReLU()
        )
        self.layers = nn.Sequential(
            *linear(10 * channels, 8 * channels),
            nn.ReLU(),
            *linear(8 * channels, 4 * channels),
            nn.ReLU(),
            *linear(4 * channels, 2 * channels),
            nn.ReLU(),
            nn.Linear(2 * channels, 3 * points),
            nn.Sigmoid(),
        )
        initialise_convolutions(self)

    def forward(
        self, noise: Float[Tensor, "b n"], sentence: Float[Tensor, "b d"], known: Float[Tensor, "b p 3"]
    ) -> Float[Tensor, "b p 3"]:
        """All points; rows of `known` are 0 for points that are not given."""
        encoded = (self.project_noise(noise), self.text(sentence), self.known(known.flatten(1)))
        points: Tensor = self.layers(torch.cat(encoded, dim=1)).reshape(known.shape)
        present = known[:, :, 2:]
        return points * (1 - present) + known * present


class LayoutDiscriminator(nn.Module):
    """Classifies key points together with a sentence: real or generated.

    With 128 channels it is the published model, 946,177 parameters; with 64, the default of the official code
    for discriminators, 374,785.

    Args:
        words: Width of the sentence vector.
        points: Number of points.
        channels: Its widest layer is four times as wide.
    """

    def __init__(self, *, words: int, points: int, channels: int) -> None:
        super().__init__()
        self.points = nn.Sequential(*_encoder(3 * points, channels))
        self.text = nn.Sequential(*_encoder(words, channels))
        self.head = nn.Sequential(
            *linear(4 * channels, 2 * channels), nn.LeakyReLU(SLOPE), nn.Linear(2 * channels, 1)
        )
        initialise_convolutions(self)

    def forward(self, points: Float[Tensor, "b p 3"], sentence: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
        """A logit for each row."""
        joint = torch.cat((self.points(points.flatten(1)), self.text(sentence)), dim=1)
        logits: Tensor = self.head(joint)
        return logits.flatten()


def _encoder(width: int, channels: int) -> tuple[nn.Module, ...]:
    return (
        *linear(width, 4 * channels),
        nn.LeakyReLU(SLOPE),
        *linear(4 * channels, 2 * channels),
        nn.LeakyReLU(SLOPE),
    )
