"""A distance of frozen features between a generated image and the real image of its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.frozen import Frozen
from attnforge.adversarial.precision import without_autocast
from attnforge.interfaces import AdversarialStep
from attnforge.ranges import ImageSide, Weight
from attnforge.specs import LossSpec
from attnforge.storage.carried import CarriedFile

from .carried import Size, carried_files
from .network import efficientnet, prepare

MAPS = (0, 1, 2, 3, 4)
"""Which of timm's feature maps: of 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's side."""
EPSILON = 1e-6
"""Added to squared lengths, which may be 0 on a blank part of an image."""


class PerceptualLoss(nn.Module):
    """Pulls a generated image towards the real image of its caption, by features and by pixels.

        weight * (sum over maps k of mean over pixels of |f_k(fake) - f_k(real)|^2
                  + pixels * mean |fake - real|)

    with f_k the k-th map of features of a frozen EfficientNet-Lite of ImageNet, of length 1 at every pixel:
    the distance of LPIPS (Zhang et al., 2018) without its calibration. Both are of the largest image.

    An adversarial loss tells whether an image is right, and this one what would be: shapes appear in a tenth
    of the steps. Its price is diversity, for all images of a caption are pulled to the same few real ones.
    Data that mirrors or shifts training images is refused, since the average of a shape and its mirror image
    is neither: `data: {crop: false, flip: false}`. The discriminators have no term.

    Args:
        weight: Factor of the term.
        pixels: Factor of the distance of pixels within it, which gives colours.
        size: Which network: `lite0`, `lite1` or `lite2`; measure with another one.
        side: Side in pixels to which images are resized for the network; 64 takes a quarter of the time of
            128.
        weights: Path of the weights file, where its package is not installed.

    Raises:
        RecipeError: The package is not installed, or the file is not the pinned one.
    """

    needs_still_images: ClassVar[bool] = True

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: Weight = 1.0,
        pixels: Weight = 2.0,
        size: Size = "lite0",
        side: Annotated[ImageSide, Field(ge=32, multiple_of=32)] = 64,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        self.weight = weight
        self.pixels = pixels
        self.side = side
        network, _ = efficientnet(size, weights=weights)
        self.network = Frozen(network)

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The weights of the network."""
        return carried_files(cast("Size", options["size"]), options)

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No term."""
        return {}

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The two distances."""
        fake, real = step.fake.images[-1], step.real[-1]
        with without_autocast(fake.device):
            fake, real = fake.float(), real.float()
            with torch.no_grad():
                targets = self.maps(real)
            features = sum(
                (
                    (own - target).square().sum(dim=1).mean()
                    for own, target in zip(self.maps(fake), targets, strict=True)
                ),
                start=fake.new_zeros(()),
            )
            pixels = (fake - real).abs().mean()
        return {
            "perceptual": self.weight * features,
            "pixels": self.weight * self.pixels * pixels,
        }

    def maps(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The maps of features, of length 1 at every pixel."""
        network: Any = self.network.network
        maps = network.forward_intermediates(
            prepare(images, side=self.side),
            indices=list(MAPS),
            output_fmt="NCHW",
            intermediates_only=True,
        )
        return [
            features * (features.square().sum(dim=1, keepdim=True) + EPSILON).rsqrt() for features in maps
        ]
