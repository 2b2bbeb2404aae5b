"""Minibatch standard deviation: whether the images of a caption differ as much as real ones."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from attnforge.adversarial.precision import at_least_float32
from attnforge.interfaces import AdversarialStep, Discriminator
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

from .same_caption import mean_of_counted, same_captions

SMALLEST = 1e-8
"""Added to a variance of which the root is taken, as in the published code."""
WIDTHS = (1, 16, 16, 1)
"""Of the head's layers."""


class MinibatchDeviationLoss(nn.Module):
    """Classifies groups of images of one caption as real or generated, by how much they differ.

    For the images of one caption in a batch, with f the features of a discriminator,

        sigma = mean over channels and pixels of sqrt(var over the group of f(x) + 1e-8)
        discriminator   mean softplus(-h(sigma real)) + mean softplus(h(sigma generated))
        generator       mean softplus(-h(sigma generated))

    sigma is the statistic of Karras et al. (2018). There a batch of any images is one group, and sigma is a
    channel of the discriminator's last map. A batch of captions differs as its captions do, however alike the
    images of each are, so groups are of one caption here; and the head h, a small network for each image
    size, is one of its own, because pairs with mismatched captions would otherwise be known by their sigma.

    Several images of a caption must be in a batch: set `images_per_caption` of the phase to 2 or more, which
    also gives the generator as many noises for each caption. A caption that only one image of the batch has
    is not counted; where all are so, the terms are 0.

    Args:
        weight: Factor of all terms.
    """

    def __init__(self, spec: LossSpec, *, weight: ScheduledWeight = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.heads = nn.ModuleList(_head() for _ in spec.image_sizes)

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size; none reaches the generator."""
        same = same_captions(step.prompt)
        several = same.sum(dim=1) > 1
        terms = {}
        for network, head, real, fake in zip(
            step.discriminators, self.heads, step.real, step.fake.images, strict=True
        ):
            of_real = F.softplus(-_logits(network, head, real, same))
            of_fake = F.softplus(_logits(network, head, fake.detach(), same))
            loss = mean_of_counted(of_real + of_fake, several)
            terms[f"deviation {real.shape[-1]}"] = step.value(self.weight) * loss
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        same = same_captions(step.prompt)
        several = same.sum(dim=1) > 1
        terms = {}
        for network, head, fake in zip(step.discriminators, self.heads, step.fake.images, strict=True):
            loss = mean_of_counted(F.softplus(-_logits(network, head, fake, same)), several)
            terms[f"deviation {fake.shape[-1]}"] = step.value(self.weight) * loss
        return terms


def deviations(features: Float[Tensor, "b *_"], same: Bool[Tensor, "b b"]) -> Float[Tensor, "b"]:
    """For each row, the mean standard deviation of the features of all rows of its caption."""
    rows = at_least_float32(features).flatten(1)
    groups = same.to(rows.dtype)
    groups = groups / groups.sum(dim=1, keepdim=True)
    variances = groups @ (rows - groups @ rows).square()
    deviation: Tensor = (variances + SMALLEST).sqrt().mean(dim=1)
    return deviation


def _head() -> nn.Sequential:
    """The layers from a deviation to a logit."""
    layers: list[nn.Module] = []
    for before, after in pairwise(WIDTHS):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def _logits(
    network: Discriminator, head: nn.Module, images: Float[Tensor, "b 3 h w"], same: Bool[Tensor, "b b"]
) -> Float[Tensor, "b"]:
    logits: Tensor = head(deviations(network.features(images), same)[:, None])
    return at_least_float32(logits[:, 0])
