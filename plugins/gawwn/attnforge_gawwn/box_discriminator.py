"""GAWWN's discriminator with boxes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.interfaces import Prompt
from attnforge.ranges import Depth, Width
from attnforge.specs import DiscriminatorSpec
from attnforge_gawwn.boxes import boxes_of, check_boxes
from attnforge_gawwn.discriminators import PlaceDiscriminator
from attnforge_gawwn.layers import SLOPE, halving, tiled
from attnforge_gawwn.sizes import InnerWidth
from attnforge_gawwn.warping import crop


class BoxDiscriminator(PlaceDiscriminator):
    """Classifies images together with their sentence and box (Reed et al., NeurIPS 2016).

    The local path joins features and sentence, crops the map to the box, and averages what is there. The
    global path sees the whole image and the sentence. With 128 channels it is the published model, 16,763,137
    parameters; with 64, the default of the official code, 4,629,697. Features: b c 16 16. Logits: b.

    Args:
        channels: Channels of the first map.
        text: Width of the projected sentence.
        elements: How many elements an image has; see the generator. The official code cannot run with
            several; here their vectors are averaged.

    Raises:
        RecipeError: The images are not of 64, 128 or 256 pixels, the data have no `box`, or another number.
    """

    def __init__(
        self, spec: DiscriminatorSpec, *, channels: InnerWidth = 64, text: Width = 128, elements: Depth = 1
    ) -> None:
        super().__init__(spec, channels=channels, text=text, placed=0, summary=channels)
        check_boxes(spec.extras, elements=elements, part="discriminator")
        self.elements = elements
        self.placed_text = nn.Sequential(
            *halving(text, 4 * channels), nn.ReLU(), *halving(4 * channels, channels), nn.ReLU()
        )
        initialise_convolutions(self)

    def local_vector(
        self, features: Float[Tensor, "b c 16 16"], text: Float[Tensor, "b t"], prompt: Prompt
    ) -> Float[Tensor, "b k"]:
        joint = self.joint(torch.cat((features, tiled(text)), dim=1))
        cropped = crop(joint.repeat_interleave(self.elements, dim=0), self._boxes(prompt))
        vectors = F.leaky_relu(self.local(cropped).mean(dim=(2, 3)), SLOPE)
        return self._averaged(vectors)

    def text_summary(self, text: Float[Tensor, "b t"], prompt: Prompt) -> Float[Tensor, "b s 4 4"]:
        cropped = crop(tiled(text.repeat_interleave(self.elements, dim=0)), self._boxes(prompt))
        summary: Tensor = self.placed_text(self._averaged(cropped))
        return summary

    def _averaged(self, values: Float[Tensor, "be *c"]) -> Float[Tensor, "b *c"]:
        """The mean over the elements of an image."""
        return values.reshape(-1, self.elements, *values.shape[1:]).mean(dim=1)

    def _boxes(self, prompt: Prompt) -> Float[Tensor, "be 4"]:
        return boxes_of(prompt, elements=self.elements).flatten(0, 1)
