"""CLIP's image embeddings as features that metrics compare."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.interfaces import NetworkOutput
from attnforge.specs import ImageSpec
from attnforge_clip.folder import ClipFolder
from attnforge_clip.image import ClipImageEncoder


class ClipFeatures(nn.Module):
    """CLIP's image embeddings, of length 1 (Radford et al., 2021).

    A generator that was trained with a CLIP should be measured with another network, or another CLIP.

    Args:
        weights: Folder of a CLIP as transformers writes it, or a weights file in it; never downloaded.

    Raises:
        RecipeError: There are no such weights.
    """

    name = "clip"
    classes = 0

    def __init__(self, *, weights: str) -> None:
        super().__init__()
        folder = ClipFolder.at(weights)
        config: Any = folder.config().vision_config
        self.dim: int = config.projection_dim
        self.encoder = ClipImageEncoder(ImageSpec(dim=self.dim, image_size=224), weights=weights)
        self.digest = folder.digest()

    def protocol(self) -> dict[str, str]:
        """Weights, layer and resizing."""
        side = self.encoder.size
        colours = torch.cat((self.encoder.mean, self.encoder.deviation)).flatten().tolist()
        return {
            "network": self.name,
            "weights": self.digest,
            "layer": "image embedding, of length 1",
            "resize": f"bicubic, antialiased, {side} x {side}",
            "normalisation": ", ".join(f"{value:.6f}" for value in colours),
        }

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        return NetworkOutput(F.normalize(self.encoder(images.float()).image, dim=1))
