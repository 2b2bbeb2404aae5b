"""PacGAN's packing: a small discriminator sees several images side by side."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise
from attnforge.adversarial.precision import at_least_float32
from attnforge.adversarial.stages import stage_weights
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep
from attnforge.ranges import Weight, Width
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

from .head import FEATURE_SIZE, Head
from .same_caption import mean_of_counted, same_captions
from .spectral import add_spectral_norm


class PackedLoss(nn.Module):
    """Classifies several images, side by side, as real or generated.

    A pack is an image and the next ones of the batch, the first again after the last. With P a discriminator
    of packs, one for each image size, and x the images, averaged to `side` pixels and concatenated along
    channels,

        discriminator   mean max(0, 1 - P(x real)) + mean max(0, 1 + P(x generated))
        generator       -mean P(x generated)

    This is packing, of PacGAN (Lin et al., 2018): an image alone may be any real one, but a pack in which all
    birds stand alike is known. Small images are enough, because captions leave open what is large: the
    background, the pose, the size. P is one of its own, because the others classify an image with its
    caption. It is spectrally normalised.

    Packs are of any images of the batch, as in the paper, or of images of one caption, in which nothing but
    what it leaves open differs. Those need several images of a caption in a batch: set `images_per_caption`
    of the phase to `images` or more, which also gives the generator as many noises for each caption. A
    caption with fewer is not counted; where all have fewer, the terms are 0.

    Args:
        weight: Factor of all terms.
        of: What images of a pack have in common: nothing but the `batch`, or the `caption`.
        images: Images of a pack.
        side: Side in pixels to which larger images are averaged: 8, 16, 32, ...
        channels: Channels after the first convolution; each of the next doubles them.
        stages: A weight for the image of each stage, smallest first, that multiplies `weight`. Fewer weights
            are those of the last stages; the others, and stages of weight 0, have no packs. By default all
            have the weight 1.

    Raises:
        RecipeError: `side` is not 8, 16, 32, ..., or `stages` has more weights than the generator has stages,
            or only zeros.
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        of: Literal["batch", "caption"] = "batch",
        images: Annotated[int, Field(ge=2, le=64)] = 2,
        side: Annotated[int, Field(ge=8, le=1024)] = 16,
        channels: Width = 32,
        stages: tuple[Weight, ...] | None = None,
    ) -> None:
        super().__init__()
        if side & (side - 1):
            message = f"packs of images of {side} x {side} pixels cannot be classified"
            raise RecipeError(Problem("image-size", message, expected="side: 8, 16, 32, ..."))
        self.weight = weight
        self.of: Literal["batch", "caption"] = of
        self.images = images
        self.side = side
        sizes = spec.image_sizes
        self.stages = stage_weights((1.0,) * len(sizes) if stages is None else stages, sizes, loss="packed")
        self.networks = nn.ModuleList(
            _network(3 * images, min(side, sizes[stage]), channels=channels) for stage in self.stages
        )

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size; none reaches the generator."""
        members, whole = self._packs(step)
        terms = {}
        for (stage, weight), network in zip(self.stages.items(), self.networks, strict=True):
            real, fake = step.real[stage], step.fake.images[stage]
            real_packs, fake_packs = self._packed(real, members), self._packed(fake.detach(), members)
            of_real, of_fake = _logits(network, torch.cat((real_packs, fake_packs))).chunk(2)
            loss = mean_of_counted(F.relu(1 - of_real) + F.relu(1 + of_fake), whole)
            terms[f"packed {real.shape[-1]}"] = step.value(self.weight) * weight * loss
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        members, whole = self._packs(step)
        terms = {}
        for (stage, weight), network in zip(self.stages.items(), self.networks, strict=True):
            fake = step.fake.images[stage]
            loss = mean_of_counted(-_logits(network, self._packed(fake, members)), whole)
            terms[f"packed {fake.shape[-1]}"] = step.value(self.weight) * weight * loss
        return terms

    def _packs(self, step: AdversarialStep) -> tuple[Int[Tensor, "b p"], Bool[Tensor, "b"]]:
        same = same_captions(step.prompt)
        return packs(same if self.of == "caption" else torch.ones_like(same), self.images)

    def _packed(
        self, images: Float[Tensor, "b 3 h w"], members: Int[Tensor, "b p"]
    ) -> Float[Tensor, "b c i j"]:
        """Each row's pack, its images averaged to `side` pixels and concatenated along channels."""
        if images.shape[-1] > self.side:
            images = F.adaptive_avg_pool2d(images, self.side)
        return images[members].flatten(1, 2)


def packs(same: Bool[Tensor, "b b"], images: int) -> tuple[Int[Tensor, "b p"], Bool[Tensor, "b"]]:
    """For each row, the rows of its pack, itself first, and whether there are enough of them.

    The others are the next ones that may be in its pack, and after the last row of the batch the first.
    """
    count = len(same)
    rows = torch.arange(count, device=same.device)
    after = (rows[None] - rows[:, None]) % count  # how far each row is behind this one
    order = torch.where(same, after, after + count).argsort(dim=1)
    if images > count:
        order = order[:, :1].expand(-1, images)
    return order[:, :images], same.sum(dim=1) >= images


def _logits(network: nn.Module, of_packs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n"]:
    logits: Tensor = network(of_packs)
    return at_least_float32(logits[:, 0])


def _network(in_channels: int, side: int, *, channels: int) -> nn.Sequential:
    """Convolutions that halve packs to 4 x 4 pixels, and a head."""
    layers: list[nn.Module] = []
    while side > FEATURE_SIZE:
        convolution = nn.Conv2d(in_channels, channels, kernel_size=4, stride=2, padding=1)
        layers += [convolution, nn.LeakyReLU(0.2, inplace=True)]
        side //= 2
        in_channels, channels = channels, 2 * channels
    network = nn.Sequential(*layers, Head(in_channels, 1))
    initialise(network)
    add_spectral_norm(network)
    return network
