"""Augmentation that becomes as frequent as a discriminator remembers its images."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.compute.collectives import sum_over_processes
from attnforge.interfaces import Build, Discriminator
from attnforge.ranges import Positive, Share
from attnforge.specs import DiscriminatorSpec

from .augmentation import Operations
from .augmented import AugmentedDiscriminator


class AdaptiveDiscriminator(AugmentedDiscriminator):
    """Augments images before another discriminator sees them, as often as that overfits.

    A discriminator that remembers its few real images is sure of them, whatever it makes of generated ones.
    After every `every` batches, the probability p of each operation changes by

        p += sign(r - target) * n / images,    r = mean sign(D(real, s)),    0 <= p <= 1

    with r and the number n of images counted since the last change. This is ADA (Karras et al., 2020), with
    r_t of Eq. 1, restricted to operations that leave captions true: hue, luma and saturation are missing, and
    `mirror` must be chosen, for captions that name no side. Its rotations, scalings and filters are missing
    too. With the loss `relativistic`, whose logits have no zero, r is the mean sign of
    D(real, s) - D(fake, s).

    Each image size has its own p, which is logged as `augmentation SIZE`, saved in checkpoints, and the same
    in all processes. It stays at `initial` with a loss that shows discriminators no logits of real images
    (`attnforge.optional.AdaptsToReal`). In evaluation mode nothing is changed.

    Args:
        of: The discriminator.
        operations: What is done, in this order: `brightness`, `contrast`, `translation`, `cutout`, `mirror`.
        target: The r that p is to keep, at most 1; ADA's is 0.6. More allows more overfitting.
        images: Images after which p has gone from 0 to 1 at the fastest; ADA's 500,000 suit long runs.
        every: Batches between two changes of p; a micro-batch counts as one.
        initial: The p of the first step.

    Raises:
        RecipeError: `of` is no torch module.
    """

    adapted: Tensor
    """The probability."""
    counted: Tensor
    """Since its last change: the sum of the signs of all images, their number, and that of batches."""

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        of: Build[Discriminator],
        operations: Operations = ("translation", "cutout"),
        target: Annotated[float, Field(gt=0, lt=1)] = 0.6,
        images: Positive = 500_000,
        every: Positive = 4,
        initial: Share = 0.0,
    ) -> None:
        super().__init__(spec, of=of, operations=operations, probability=initial)
        self.target = target
        self.images = images
        self.every = every
        self.register_buffer("adapted", torch.tensor(float(initial)))
        self.register_buffer("counted", torch.zeros(3))

    def adapt(self, logits: Float[Tensor, "b *_"]) -> None:
        """Count how sure the discriminator is of real images, and change the probability when it is due."""
        counted, probability = self.counted, self.adapted
        with torch.no_grad():
            signs = at_least_float32(logits.detach()).sign().reshape(len(logits), -1).mean(dim=1)
            own = torch.stack([signs.sum(), torch.full_like(counted[1], len(logits))])
            counted += torch.cat([sum_over_processes(own), torch.ones_like(counted[:1])])
            # without a branch on the host, so that a CUDA graph can capture it
            due = counted[2] >= self.every
            moved = probability + (counted[0] / counted[1] - self.target).sign() * counted[1] / self.images
            probability.copy_(moved.clamp(0, 1).where(due, probability))
            counted.mul_(~due)

    def observed(self) -> dict[str, Float[Tensor, ""]]:
        """The probability, for the log."""
        return {"augmentation": self.adapted.clone()}

    def _probability(self) -> Tensor:
        return self.adapted
