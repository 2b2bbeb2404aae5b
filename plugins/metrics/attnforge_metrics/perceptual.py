"""LPIPS as features: the squared distance of two images' features is their perceptual distance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import NetworkOutput
from attnforge.ranges import ImageSide
from attnforge.recipe.weights import PublishedFile
from attnforge.storage.weight_files import load_weights, read_state

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of images in [-1, 1], as the authors normalise them."""
ENDS = (2, 5, 8, 10, 12)
"""The layers of AlexNet, of which the last is a ReLU each, end before these modules."""
WIDTHS = (64, 192, 384, 256, 256)
SMALLEST = 35
"""Side in pixels of the smallest images of which the last layers have a map."""
ALEXNET = PublishedFile("alexnet-owt-7be5be79.pth", "torchvision", "7be5be79")
CALIBRATION = PublishedFile(
    "weights/v0.1/alex.pth",
    "the package lpips 0.1.4",
    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
)


class PerceptualFeatures(nn.Module):
    """The calibrated layers of AlexNet, whose squared distance is LPIPS 0.1 (Zhang et al., 2018).

    `caption-diversity` with `squared: true` is LPIPS between the images of a caption. The features are wide,
    32 thousand numbers at 64 pixels and 16 times as many at 256, so images are resized to `size`, bicubic and
    antialiased, which the digest in the values' names covers.

    Args:
        weights: File with torchvision's AlexNet, `.pth` or `.safetensors`. Nothing is ever downloaded.
        calibration: File with the weights of its channels, `alex.pth` of the package lpips.
        size: Side in pixels to which images are resized.

    Raises:
        RecipeError: A file is missing or has the weights of another network.
    """

    name = "lpips"
    classes = 0
    published: ClassVar[Mapping[str, tuple[PublishedFile, ...]]] = {
        "weights": (ALEXNET,),
        "calibration": (CALIBRATION,),
    }

    def __init__(
        self, *, weights: str, calibration: str, size: Annotated[ImageSide, Field(ge=SMALLEST)] = 64
    ) -> None:
        super().__init__()
        # importing torchvision takes seconds, which reading a recipe must not pay
        from torchvision.models import alexnet  # type: ignore[import-untyped]

        digests = [_digest(weights, "AlexNet", ALEXNET), _digest(calibration, "LPIPS", CALIBRATION)]
        with torch.device("meta"):
            layers = alexnet(weights=None).features
        self.features = layers.to_empty(device=torch.get_default_device())
        load_weights(self, weights, ignore=("classifier.",))
        for number, channels in enumerate(_calibration(calibration)):
            self.register_buffer(f"channels{number}", channels, persistent=False)
        self.digests = digests
        self.size = size
        self.dim = sum(width * side**2 for width, side in zip(WIDTHS, _sides(size), strict=True))
        self.requires_grad_(False).eval()

    def protocol(self) -> dict[str, str]:
        """Weights, layers and resizing."""
        return {
            "network": "lpips 0.1, alexnet",
            "weights": ", ".join(self.digests),
            "layer": "five ReLUs, calibrated",
            "resize": f"bicubic, antialiased, {self.size} x {self.size}",
        }

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        images, side = images.float(), (self.size, self.size)
        if images.shape[-2:] != side:
            images = F.interpolate(images, size=side, mode="bicubic", antialias=True).clamp(-1, 1)
        shift, scale = (images.new_tensor(values).reshape(3, 1, 1) for values in (SHIFT, SCALE))
        maps, rows, start = (images - shift) / scale, [], 0
        for number, end in enumerate(ENDS):
            maps = self.features[start:end](maps)
            start = end
            unit = maps / (maps.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
            channels = self.get_buffer(f"channels{number}")
            rows.append((unit * (channels / unit[0, 0].numel()).sqrt()).flatten(1))
        return NetworkOutput(torch.cat(rows, dim=1))


def _sides(size: int) -> tuple[int, ...]:
    """Sides of the maps after the five ReLUs."""
    first = (size + 4 - 11) // 4 + 1
    second = (first - 3) // 2 + 1
    third = (second - 3) // 2 + 1
    return first, second, third, third, third


def _digest(path: str, what: str, published: PublishedFile) -> str:
    if not Path(path).exists():
        message = f"there is no file {path} with the weights of {what}"
        raise RecipeError(Problem("no-weights", message, expected=str(published)))
    read_state(path)
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _calibration(path: str) -> list[Float[Tensor, "c 1 1"]]:
    state = read_state(path)
    tensors = [state.get(f"lin{number}.model.1.weight") for number in range(len(WIDTHS))]
    channels = [
        tensor.reshape(-1, 1, 1)
        for tensor, width in zip(tensors, WIDTHS, strict=True)
        if tensor is not None and tensor.numel() == width and bool((tensor >= 0).all())
    ]
    if len(channels) < len(WIDTHS):
        message = f"{path} does not have the weights of the channels of LPIPS for AlexNet"
        raise RecipeError(Problem("other-weights", message, expected=str(CALIBRATION)))
    return channels
