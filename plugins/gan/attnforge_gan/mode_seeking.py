"""Mode seeking: images of one caption that differ as their noise does."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.interfaces import AdversarialStep
from attnforge.ranges import Positive, Sharpness
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

from .repeated import repeated_images

Form = Literal["bounded", "ratio"]
SMALLEST = 1e-5
"""Added to a ratio of which the inverse is taken, as in the published code."""


class ModeSeekingLoss:
    """Rewards a generator whose images of a caption differ when their noise does.

    For two images g1, g2 of a caption with noise z1, z2, and d the mean absolute difference over all pixels
    or numbers, r = d(g1, g2) / d(z1, z2):

        bounded   weight * mean max(0, bound - r)      DSGAN (Yang et al., 2019), plus weight * bound
        ratio     weight / (mean d(g1, g2) / mean d(z1, z2) + 1e-5)      MSGAN (Mao et al., 2019)

    A conditional discriminator accepts the same image for every noise, so that generators learn to ignore
    it. The bounded form has no gradient once images differ enough, and a gradient that does not grow while
    they are alike; the ratio never ends, and is steepest where images are nearly the same. Neither says how
    images should differ: that remains the discriminator's part. MSGAN's means are over the batch, DSGAN's
    bound is for each pair. Terms are computed for every image size and averaged; the published codes use the
    last one.

    Each step generates two images of some captions besides its own batch. Gradients reach only the generator.

    Args:
        weight: Factor of the term.
        form: `bounded` or `ratio`.
        bound: The r that suffices, for `bounded`. Useful bounds lie below the r of real images of a caption,
            whose mean absolute difference is divided by 1.128, the mean of two normal numbers' difference.
        captions: How many captions of the batch get two images; by default half of them, as many images as
            the batch has.
        side: Larger images are averaged to this many pixels a side before they are compared, so that pose and
            background count, and a pattern of pixels that changes with the noise does not; null compares all
            pixels, as the published codes do.
    """

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 1.0,
        form: Form = "bounded",
        bound: Sharpness = 0.1,
        captions: Positive | None = None,
        side: Positive | None = None,
    ) -> None:
        self.weight = weight
        self.form: Form = form
        self.bound = bound
        self.captions = captions
        self.side = side

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted term."""
        captions = self.captions or (len(step.batch.class_ids) + 1) // 2
        repeated = repeated_images(step, captions=captions, each=2)
        between = _differences(repeated.noise)
        by_size = [self._term(_differences(self._seen(images)), between) for images in repeated.images]
        return {"mode seeking": step.value(self.weight) * torch.stack(by_size).mean()}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms."""
        return {}

    def _seen(self, images: Float[Tensor, "c 2 3 h w"]) -> Float[Tensor, "c 2 3 i j"]:
        """The images as they are compared."""
        if self.side is None or images.shape[-1] <= self.side:
            return images
        small = F.adaptive_avg_pool2d(images.flatten(0, 1), self.side)
        return small.reshape(*images.shape[:3], self.side, self.side)

    def _term(self, images: Float[Tensor, "c"], noise: Float[Tensor, "c"]) -> Float[Tensor, ""]:
        if self.form == "ratio":
            return 1 / (images.mean() / noise.mean() + SMALLEST)
        return (self.bound - images / noise).clamp_min(0).mean()


def _differences(pairs: Float[Tensor, "c 2 *_"]) -> Float[Tensor, "c"]:
    """The mean absolute difference of the two members of each pair."""
    first, second = at_least_float32(pairs).unbind(dim=1)
    return (first - second).abs().flatten(1).mean(dim=1)
