"""StackGAN-v2's colour-consistency loss: images of neighbouring sizes have the same colours."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec


class ColourConsistency:
    """Compares mean and covariance of the colours of each image with those of the next smaller one.

    For every pair of sizes, weight * (MSE of the means + covariance * MSE of the covariances); the smaller
    image gets no gradient. In StackGAN-v2 (Zhang et al., 2018) it keeps the branches of unconditional models
    at one image, which captions do elsewhere.

    Args:
        weight: Factor of all terms; the official code has 50 without captions and none with them.
        covariance: Factor of the covariances beside the means.

    Raises:
        RecipeError: The generator has images of one size only.
    """

    def __init__(
        self, spec: LossSpec, *, weight: ScheduledWeight = 50.0, covariance: ScheduledWeight = 5.0
    ) -> None:
        if len(spec.image_sizes) < 2:
            message = "the loss `colour-consistency` compares images of several sizes, and there is one"
            raise RecipeError(Problem("no-terms", message, expected="a generator with several images"))
        self.weight = weight
        self.covariance = covariance

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted distance of the colours."""
        statistics = [colours(image) for image in step.fake.images]
        terms = []
        for (smaller_mean, smaller_covariance), (mean, covariance) in pairwise(statistics):
            terms += [
                F.mse_loss(mean, smaller_mean.detach()),
                step.value(self.covariance) * F.mse_loss(covariance, smaller_covariance.detach()),
            ]
        return {"colour consistency": step.value(self.weight) * torch.stack(terms).sum()}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms."""
        return {}


def colours(images: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b 3"], Float[Tensor, "b 3 3"]]:
    """Mean and covariance of the pixels of each image."""
    pixels = at_least_float32(images).flatten(2)
    mean = pixels.mean(dim=2)
    centred = pixels - mean[:, :, None]
    return mean, centred @ centred.transpose(1, 2) / pixels.shape[2]
