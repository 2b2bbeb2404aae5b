"""GAWWN's discriminator with key points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.initialisation import initialise_convolutions
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec
from attnforge_gawwn.discriminators import PlaceDiscriminator
from attnforge_gawwn.layers import SLOPE, tiled
from attnforge_gawwn.maps import gate_of, maps_of, point_count
from attnforge_gawwn.sizes import InnerWidth


class KeypointDiscriminator(PlaceDiscriminator):
    """Classifies images together with their sentence and key points (Reed et al., NeurIPS 2016).

    The local path joins features and sentence, keeps only the pixels where a point is, and joins the map of
    each point. The global path sees the whole image and the sentence. With 128 channels it is the published
    model, 14,667,905 parameters; with 64, the default of the official code, 3,860,609. Features: b c 16 16.
    Logits: b.

    Args:
        channels: Channels of the first map.
        text: Width of the projected sentence.

    Raises:
        RecipeError: The images are not of 64, 128 or 256 pixels, or the data have no key points.
    """

    def __init__(self, spec: DiscriminatorSpec, *, channels: InnerWidth = 64, text: Width = 128) -> None:
        points = point_count(spec.extras, part="discriminator")
        super().__init__(spec, channels=channels, text=text, placed=points, summary=text)
        initialise_convolutions(self)

    def local_vector(
        self, features: Float[Tensor, "b c 16 16"], text: Float[Tensor, "b t"], prompt: Prompt
    ) -> Float[Tensor, "b k"]:
        maps = maps_of(prompt.extras["keypoints"])
        joint = self.joint(torch.cat((features, tiled(text)), dim=1)) * gate_of(maps)
        return F.leaky_relu(self.local(torch.cat((joint, maps), dim=1)).mean(dim=(2, 3)), SLOPE)

    def text_summary(self, text: Float[Tensor, "b t"], prompt: Prompt) -> Float[Tensor, "b s 4 4"]:
        return tiled(text, side=4)
