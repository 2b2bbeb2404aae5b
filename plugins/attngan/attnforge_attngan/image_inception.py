"""AttnGAN's image encoder: a frozen Inception-v3 with two trained layers on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.interfaces import ImageFeatures
from attnforge.recipe.weights import RANDOM, PublishedFile
from attnforge.specs import ImageSpec
from attnforge.storage.weight_files import load_weights

from .image_projection import Projection

PUBLISHED = (
    PublishedFile("inception_v3_google-0cc3c7bd.pth", "torchvision", "0cc3c7bd"),
    PublishedFile("inception_v3_google-1a9a5a14.pth", "older versions of torchvision", "1a9a5a14"),
)
"""The files that torchvision has published. The digits in a name are those with which its sha256 begins."""
INPUT_SIZE = 299
"""Side in pixels of the images that Inception-v3 was trained on."""
_LOCAL = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
    *("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d"),
    *("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
)
_GLOBAL = ("Mixed_7a", "Mixed_7b", "Mixed_7c", "avgpool")


class InceptionEncoder(nn.Module):
    """Regions from the 768 x 17 x 17 map `Mixed_6e` of Inception-v3, the image vector from its 2048 pool.

    AttnGAN (Xu et al., 2018), section 3.2; network of Szegedy et al. (2016), torchvision's. Images of any
    size in [-1, 1], the range that the public weights expect, are resized to 299 x 299. The weights of the
    network are frozen; only the two projections train. Gradients still reach the images.

    Args:
        weights: File with torchvision's weights of Inception-v3, `.pth` or `.safetensors`. Nothing is ever
            downloaded. Without a file the weights are random until a checkpoint replaces them; training from
            scratch is then an error, unless this is `random`.
        align_corners: Whether resizing maps corner pixels onto corner pixels; true is what the official
            weights were trained with.
        statistics: What batch normalisation uses while the projections train: `frozen` keeps the statistics
            of the weights file, as a frozen network should; `adapt` normalises by the batch and updates them
            from the images, as the official code does, undocumented, and its published encoders were trained.

    Raises:
        RecipeError: The file cannot be read or has the weights of another network.
    """

    pretrained: ClassVar[str] = "weights"
    published: ClassVar[Mapping[str, tuple[PublishedFile, ...]]] = {"weights": PUBLISHED}

    def __init__(
        self,
        spec: ImageSpec,
        *,
        weights: str | None = None,
        align_corners: bool = True,
        statistics: Literal["frozen", "adapt"] = "frozen",
    ) -> None:
        super().__init__()
        # importing torchvision takes seconds, which reading a recipe must not pay
        from .frozen_inception import frozen_inception

        self.align_corners = align_corners
        self.statistics = statistics
        network = frozen_inception()
        del network.fc, network.dropout
        if weights is not None and weights != RANDOM:
            load_weights(network, weights, ignore=("AuxLogits.", "fc."))
        self.network = network.requires_grad_(False).eval()
        self.projection = Projection(local=768, overall=2048, dim=spec.dim)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the projections, and that of the network with `statistics: adapt`."""
        super().train(mode)
        self.network.train(mode and self.statistics == "adapt")
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        features = F.interpolate(
            images, size=(INPUT_SIZE, INPUT_SIZE), mode="bilinear", align_corners=self.align_corners
        )
        for name in _LOCAL:
            features = self.network.get_submodule(name)(features)
        local = features
        for name in _GLOBAL:
            features = self.network.get_submodule(name)(features)
        matched: ImageFeatures = self.projection(local, features.flatten(1))
        return matched
