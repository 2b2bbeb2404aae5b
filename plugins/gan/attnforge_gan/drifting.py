"""Drifting: generated images move towards real images of their caption, and away from one another."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.precision import without_autocast
from attnforge.interfaces import AdversarialStep, Build, FeatureNetwork
from attnforge.ranges import Positive, Sharpness
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

from .drift import drift
from .frozen_features import FrozenFeatures
from .repeated import repeated_images
from .same_caption import same_captions

Fitting = Literal["caption", "class"]


class DriftingLoss(nn.Module):
    """Moves images of a caption towards real images of it, and away from one another.

        weight * mean ((f(g) - target) / s)^2,    target = f(g) + s * drift, without gradient

    for several images g of each caption, features f of a network that does not learn, and the drift and the
    scale s of `attnforge_gan.drift`: attraction by real images that fit the caption, and repulsion by the
    other images of it. A generator that gives one image for every noise is pushed apart, and one whose images
    are spread as the real ones are has no drift. This is the loss of Drifting (arXiv 2602.04770), which
    trains by nothing else and compares 64 generated with 64 real images of a class; here it is one term
    beside an adversarial loss, with the real images that a batch has.

    A caption has at least its own real image in the batch, and more where others have the same caption, or
    with `fitting: class` are of the same class: `images_per_caption` of a phase brings them into a batch.
    With a single real image, attraction goes to that one, and repulsion has the images surround it.

    The drift is normalised, so the value of the term hardly falls while images improve; see it in metrics.
    Each step generates `images` images of `captions` captions besides its own batch.

    Args:
        weight: Factor of the term.
        network: The network of the features; by default the recipe's image encoder.
        captions: How many captions of the batch are compared; by default a quarter of them.
        images: Images of each caption.
        radii: How far images act on one another, as shares of their mean distance; the drifts of all are
            summed.
        fitting: Which real images of the batch fit a caption: those with the same `caption`, or those of its
            `class`.

    Raises:
        RecipeError: There is no `network` and no image encoder.
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        network: Build[FeatureNetwork] | None = None,
        captions: Positive | None = None,
        images: Annotated[int, Field(ge=2, le=1024)] = 4,
        radii: Annotated[tuple[Sharpness, ...], Field(min_length=1)] = (0.02, 0.05, 0.2),
        fitting: Fitting = "caption",
    ) -> None:
        super().__init__()
        self.features = FrozenFeatures(spec, network)
        self.weight = weight
        self.captions = captions
        self.images = images
        self.radii = radii
        self.fitting: Fitting = fitting

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted term."""
        captions = self.captions or (len(step.batch.class_ids) + 3) // 4
        repeated = repeated_images(step, captions=captions, each=self.images).images[-1]
        with without_autocast(repeated.device):
            flat = self.features.of(repeated.flatten(0, 1).float(), step)
            generated = flat.reshape(*repeated.shape[:2], -1)
            with torch.no_grad():
                real = self.features.of(step.real[-1].float(), step)
            moved, scale = drift(
                generated, real, fitting=self._fitting(step)[: len(repeated)], radii=self.radii
            )
            target = (generated / scale).detach() + moved
            term = (generated / scale - target).square().mean()
        return {"drifting": step.value(self.weight) * term}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms."""
        return {}

    def _fitting(self, step: AdversarialStep) -> Bool[Tensor, "b b"]:
        """Which real images fit which caption."""
        if self.fitting == "class":
            return step.batch.class_ids[:, None] == step.batch.class_ids[None]
        return same_captions(step.prompt)
