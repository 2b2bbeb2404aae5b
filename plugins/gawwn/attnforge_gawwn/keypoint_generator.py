"""GAWWN's generator with key points, which it can generate itself."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Width
from attnforge.specs import GeneratorSpec
from attnforge_gawwn.layers import (
    Bottleneck,
    closing,
    doubling,
    doublings,
    halving,
    linear,
    mixing,
    opening,
    painting,
    tiled,
)
from attnforge_gawwn.layout import Layout, LayoutGenerator
from attnforge_gawwn.maps import gate_of, maps_of, point_count
from attnforge_gawwn.sizes import ImageSize, InnerWidth

KEYPOINTS = "keypoints"


class KeypointGenerator(nn.Module):
    """Generates an image whose object has its parts at key points (Reed et al., NeurIPS 2016).

    Each visible point is a map of 16 x 16 pixels with one pixel set. A global path reduces the maps to a
    vector, which with noise and sentence becomes a map of the whole image; a local path repeats noise and
    sentence at the pixels where a point is. Both are concatenated with the points' maps and doubled to the
    image. With 128 channels it is the published model, 26,471,043 parameters without `layout`. Words are not
    used.

    Args:
        image_size: Side of the images in pixels; 128 is the published size.
        channels: Channels of the widest maps are eight times as many.
        noise: Width of the noise vector.
        layout: The network that generates points which nobody gives, trained by a phase with the task
            `gawwn-layout`; null asks for all points.

    Raises:
        RecipeError: The data have no key points.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        image_size: ImageSize = 128,
        channels: InnerWidth = 128,
        noise: Width = 100,
        layout: Layout | None = None,
    ) -> None:
        super().__init__()
        points = point_count(spec.extras, part="generator")
        self.noise = noise
        self.image_sizes: tuple[int, ...] = (image_size,)
        self.words = spec.words
        self.points = points
        width = 4 * channels
        self.project_noise = nn.Linear(noise, width)
        self.text = nn.Linear(spec.words, width)
        self.whole_vector = nn.Sequential(*linear(2 * width, width), nn.ReLU())
        self.local_vector = nn.Sequential(*linear(2 * width, width), nn.ReLU())
        self.placed = nn.Sequential(
            *halving(points, channels),
            nn.ReLU(),
            *halving(channels, 2 * channels),
            nn.ReLU(),
            *closing(2 * channels, width),
            nn.ReLU(),
        )
        self.whole = nn.Sequential(
            *opening(2 * width, width),
            nn.ReLU(),
            *doubling(width, 2 * channels),
            nn.ReLU(),
            *doubling(2 * channels, channels),
            nn.ReLU(),
        )
        self.local = nn.Sequential(*mixing(width, width), nn.ReLU())
        self.mix = nn.Sequential(
            *mixing(5 * channels + points, width), nn.ReLU(), *mixing(width, width), Bottleneck(width)
        )
        between = (*[2 * channels] * (doublings(image_size) - 2), channels)
        self.paint = painting(width, between)
        initialise_convolutions(self)
        self.layout = (
            None if layout is None else LayoutGenerator(words=spec.words, points=points, layout=layout)
        )
        if self.layout is not None:
            self.layout.requires_grad_(False)  # the task `gawwn-layout` trains it

    @property
    def completed_extras(self) -> frozenset[str]:
        """The extras that it generates where they are not given."""
        return frozenset() if self.layout is None else frozenset({KEYPOINTS})

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        points = prompt.extras[KEYPOINTS]
        if self.layout is None or self.training:  # the data give all points
            return GeneratorOutput(images=(self.generate(noise, prompt.sentence, points),), attention=())
        points = self._completed(self.layout, prompt.sentence, points)
        image = self.generate(noise, prompt.sentence, points)
        return GeneratorOutput(images=(image,), attention=(), extras={KEYPOINTS: points})

    def generate(
        self, noise: Float[Tensor, "b n"], sentence: Float[Tensor, "b d"], points: Float[Tensor, "b p 3"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Images with the parts at these points."""
        maps = maps_of(points)
        vector = torch.relu(torch.cat((self.project_noise(noise), self.text(sentence)), dim=1))
        whole_vector = torch.cat((self.whole_vector(vector), self.placed(maps).flatten(1)), dim=1)
        whole = self.whole(whole_vector[:, :, None, None])
        local = self.local(tiled(self.local_vector(vector)) * gate_of(maps))
        image: Tensor = self.paint(self.mix(torch.cat((whole, local, maps), dim=1)))
        return image

    @torch.no_grad()
    def _completed(
        self, layout: LayoutGenerator, sentence: Float[Tensor, "b d"], points: Float[Tensor, "b p 3"]
    ) -> Float[Tensor, "b p 3"]:
        """The points, with those generated that are not given, whose numbers are below 0."""
        known = points[:, :, 2:] >= 0
        noise = torch.randn(points.shape[0], layout.noise, device="cpu").to(points.device)
        generated = layout(noise, sentence, points.where(known, 0))
        return points.where(known, generated)
