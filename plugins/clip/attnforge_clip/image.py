"""CLIP's image encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.interfaces import ImageFeatures
from attnforge.specs import ImageSpec
from attnforge_clip.folder import ClipFolder

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the colours in [0, 1] that CLIP was trained on; a folder may override them."""


class ClipImageEncoder(nn.Module):
    """Regions and image vector in the space that CLIP shares with captions (Radford et al., 2021).

    Images of any size in [-1, 1] are resized to CLIP's own, bicubic and antialiased, and normalised by its
    mean and deviation. The image vector is CLIP's image embedding. The regions are the vision
    transformer's outputs for its patches, before any pooling, with the same normalisation and projection. If
    the width of the text encoder differs from CLIP's, two layers that must be trained project both to it.
    Gradients reach the images, also through frozen weights.

    Args:
        weights: Folder of a CLIP as transformers writes it, or a weights file in it; never downloaded.
        frozen: Freeze the weights; otherwise a matching phase fine-tunes them.

    Raises:
        RecipeError: There are no such weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: ImageSpec, *, weights: str, frozen: bool = True) -> None:
        super().__init__()
        from transformers import CLIPVisionModelWithProjection

        folder = ClipFolder.at(weights)
        config: Any = folder.config().vision_config
        self.size: int = config.image_size
        self.grid: int = self.size // config.patch_size
        self.frozen = frozen
        self.network: Any = CLIPVisionModelWithProjection(config)
        folder.fill(self.network)
        if frozen:
            self.network.requires_grad_(False)
        same = spec.dim == config.projection_dim
        self.region_width = nn.Identity() if same else nn.Conv2d(config.projection_dim, spec.dim, 1)
        self.image_width = nn.Identity() if same else nn.Linear(config.projection_dim, spec.dim)
        for name, colours in zip(("mean", "deviation"), _colours(folder.folder), strict=True):
            self.register_buffer(name, torch.tensor(colours).reshape(3, 1, 1), persistent=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode)
        self.network.train(mode and not self.frozen)
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        outputs = self.network.vision_model(pixel_values=self.prepare(images))
        patches = self.network.vision_model.post_layernorm(outputs.last_hidden_state[:, 1:])
        regions: Float[Tensor, "b s d"] = self.network.visual_projection(patches)
        regions = regions.transpose(1, 2).reshape(len(images), -1, self.grid, self.grid)
        return ImageFeatures(
            regions=self.region_width(regions),
            image=self.image_width(self.network.visual_projection(outputs.pooler_output)),
        )

    def prepare(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 s s"]:
        """Images in [-1, 1], resized and normalised for CLIP."""
        if images.shape[-2:] != (self.size, self.size):
            images = F.interpolate(images, size=(self.size, self.size), mode="bicubic", antialias=True)
        return ((images + 1) / 2 - self.mean) / self.deviation


def _colours(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the folder, or those of the paper's models."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        try:
            values = json.loads((folder / name).read_text(encoding="utf-8"))
            values = values.get("image_processor", values)
            return tuple(map(float, values["image_mean"])), tuple(map(float, values["image_std"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return MEAN, DEVIATION
