"""GAWWN's generator with boxes: what the caption says is painted inside the box."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.ranges import Depth, Width
from attnforge.specs import GeneratorSpec
from attnforge_gawwn.boxes import boxes_of, check_boxes
from attnforge_gawwn.layers import (
    Bottleneck,
    closing,
    doubling,
    doublings,
    halving,
    mixing,
    opening,
    painting,
    tiled,
)
from attnforge_gawwn.sizes import ImageSize, InnerWidth
from attnforge_gawwn.warping import paste


class BoxGenerator(nn.Module):
    """Generates an image whose object lies in a box from noise and sentence (Reed et al., NeurIPS 2016).

    A global path sees the sentence at its place: the projected sentence is repeated over a map of 16 x 16
    pixels, pasted into the box and reduced to a vector, which with noise becomes a map of the whole image. A
    local path makes a map of the object from noise and sentence, which is pasted into the box. Both are
    concatenated and doubled to the image. Several elements, each with noise and a box of its own, are
    averaged where they overlap. With 128 channels it is the published model, 73,545,699 parameters. Words are
    not used.

    Args:
        image_size: Side of the images in pixels; 128 is the published size.
        channels: Channels of the widest maps are eight times as many.
        noise: Width of the noise vector of an element.
        elements: How many elements an image has. The data's `box` is that of each element, or there is one
            for every element.
        last_channels: Channels of the map before the image.

    Raises:
        RecipeError: The data have no `box`, or another number of boxes.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        image_size: ImageSize = 128,
        channels: InnerWidth = 128,
        noise: Width = 100,
        elements: Depth = 1,
        last_channels: Width = 32,
    ) -> None:
        super().__init__()
        check_boxes(spec.extras, elements=elements, part="generator")
        self.elements = elements
        self.noise = elements * noise
        self.image_sizes: tuple[int, ...] = (image_size,)
        width = 4 * channels
        self.text = nn.Linear(spec.words, width)
        self.global_noise = nn.Linear(noise, width)
        self.local_noise = nn.Linear(noise, width)
        self.placed_text = nn.Sequential(
            *halving(width, width),
            nn.ReLU(),
            *halving(width, width),
            nn.ReLU(),
            *closing(width, width),
            nn.ReLU(),
        )
        self.whole = nn.Sequential(
            *opening(2 * width, 2 * width),
            nn.ReLU(),
            *doubling(2 * width, width),
            nn.ReLU(),
            *doubling(width, 2 * channels),
            nn.ReLU(),
        )
        self.object = nn.Sequential(
            *opening(2 * width, 2 * width),
            Bottleneck(2 * width),
            *doubling(2 * width, width),
            Bottleneck(width),
            *doubling(width, 2 * channels),
        )
        self.mix = nn.Sequential(*mixing(4 * channels, 2 * channels), nn.ReLU())
        between = (*[channels] * (doublings(image_size) - 2), last_channels)
        self.paint = painting(2 * channels, between)
        initialise_convolutions(self)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        sentences = prompt.sentence[:, None].expand(-1, self.elements, -1)
        boxes = boxes_of(prompt, elements=self.elements)
        image = self.generate(noise.reshape(noise.shape[0], self.elements, -1), sentences, boxes)
        return GeneratorOutput(images=(image,), attention=())

    def generate(
        self, noise: Float[Tensor, "b e n"], sentences: Float[Tensor, "b e d"], boxes: Float[Tensor, "b e 4"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Images of e elements, each with noise, a sentence and a box of its own."""
        text, places = self.text(sentences.flatten(0, 1)), boxes.flatten(0, 1)
        placed = self._averaged(paste(tiled(text), places))
        whole_vector = torch.cat((self.global_noise(noise[:, 0]), self.placed_text(placed).flatten(1)), dim=1)
        whole = self.whole(torch.relu(whole_vector)[:, :, None, None])
        object_vector = torch.cat((self.local_noise(noise.flatten(0, 1)), text), dim=1)
        objects = paste(self.object(torch.relu(object_vector)[:, :, None, None]), places)
        image: Tensor = self.paint(self.mix(torch.cat((whole, torch.relu(self._averaged(objects))), dim=1)))
        return image

    def _averaged(self, maps: Float[Tensor, "be c h w"]) -> Float[Tensor, "b c h w"]:
        """The mean of the maps of an image's elements."""
        return maps.reshape(-1, self.elements, *maps.shape[1:]).mean(dim=1)
