"""The Frechet distance on frozen features as a term that a generator minimises."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.precision import without_autocast
from attnforge.compute.collectives import sum_over_processes, world_size
from attnforge.interfaces import AdversarialStep, Build, FeatureNetwork
from attnforge.ranges import ShareBelowOne
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

from .frozen_features import FrozenFeatures
from .gaussian_distance import Moments, frechet_distance


class FrechetLoss(nn.Module):
    """The Frechet distance between the features of generated and of real images.

        weight * (|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)))

    with means m and covariances C of the features of the largest images (Dowson and Landau, 1982), of a
    network that does not learn. A batch is too small for a covariance. As in FD-loss (arXiv 2604.28190), mean
    and second moment are running averages over steps, and the gradient reaches the part of the batch alone:

        M = a M(batch) + (1 - a) M before,    a = max(1 - decay, 1 / steps so far)

    Gradients thus shrink with a: a decay of 0.99 wants a hundred times the weight of none. The distance
    compares all images at once and no image with its caption; it says nothing about captions, and a generator
    can lower it without good images. **A generator that minimises it must not be measured by it**: use other
    features for metrics, and precision and recall besides.

    Averages are kept in checkpoints. Each step decomposes two d x d matrices in double precision, which takes
    25 ms of a CPU core for d = 256 and 1.6 s for d = 1,280, and which no CUDA graph can capture.

    Args:
        weight: Factor of the term.
        network: The network of the features; by default the recipe's image encoder, whose image vectors are
            small, and which knows the data.
        decay: Share of the running averages that is kept in each step; 0 compares batches alone.

    Raises:
        RecipeError: There is no `network` and no image encoder.
    """

    steps: Tensor
    """Steps that the averages are of."""
    means: Tensor
    """Of generated and of real images."""
    seconds: Tensor
    """The means of the outer products, likewise."""

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        network: Build[FeatureNetwork] | None = None,
        decay: ShareBelowOne = 0.99,
    ) -> None:
        super().__init__()
        self.features = FrozenFeatures(spec, network)
        self.weight = weight
        self.decay = decay
        dim = self.features.dim
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("means", torch.zeros(2, dim, dtype=torch.double))
        self.register_buffer("seconds", torch.zeros(2, dim, dim, dtype=torch.double))

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms; the averages take in the images of the step."""
        with torch.no_grad(), without_autocast(step.real[-1].device):
            share = self._share(self.steps + 1)
            for index, images in enumerate((step.fake.images[-1], step.real[-1])):
                moments = Moments.of(self.features.of(images.float(), step))
                for average, own in ((self.means, moments.mean), (self.seconds, moments.second)):
                    average[index].lerp_(sum_over_processes(own) / world_size(), share)
            self.steps += 1
        return {}

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted distance."""
        fake, real = step.fake.images[-1], step.real[-1]
        with without_autocast(fake.device):
            own = Moments.of(self.features.of(fake.float(), step))
            with torch.no_grad():
                of_real = Moments.of(self.features.of(real.float(), step))
            distance = frechet_distance(self._with(own, 0), self._with(of_real, 1))
        return {"frechet": step.value(self.weight) * distance.float()}

    def _with(self, own: Moments, index: int) -> Moments:
        """The averages, with gradients to the images that they contain; before any step, the images' own."""
        share = self._share(self.steps)
        return Moments(
            *(
                (average[index] + share * (value - value.detach())).where(self.steps > 0, value)
                for average, value in ((self.means, own.mean), (self.seconds, own.second))
            )
        )

    def _share(self, steps: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """The share of the last step's images."""
        return (1 / steps.clamp(min=1)).clamp(min=1 - self.decay).double()
