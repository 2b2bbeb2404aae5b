"""The matching-aware gradient penalty, MA-GP."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.adversarial.precision import without_autocast
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Discriminator, Prompt
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

Power = Annotated[float, Field(ge=2, le=100)]
"""Below 2 the gradient of a power of a norm is infinite where the norm is 0."""


class MatchingAwarePenalty:
    """Flattens the discriminator around real images with their own captions (MA-GP).

    weight * mean over the batch of ||(dD/dx, dD/de)||^power, with D the logit of a real image x and its own
    sentence e, and one norm over both gradients, as in the official code of Tao et al., 2022. Second
    derivatives train the discriminators; the generator has no term.

    It is computed in float32 under autocast too: a power of 6 multiplies relative errors by 6.

    Args:
        weight: Factor of the term, the paper's k.
        power: Power of the norm, the paper's p.
    """

    def __init__(self, spec: LossSpec, *, weight: ScheduledWeight = 2.0, power: Power = 6.0) -> None:
        self.weight = weight
        self.power = power

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One term per image size."""
        terms = {}
        for network, real in zip(step.discriminators, step.real, strict=True):
            by_image, by_sentence = matching_gradients(network, real, step.prompt)
            squares = by_image.square().sum(dim=(1, 2, 3)) + by_sentence.square().sum(dim=1)
            # Without a root, whose derivative is infinite where the gradients vanish.
            penalty = squares.pow(self.power / 2).mean()
            terms[f"matching-aware penalty {real.shape[-1]}"] = step.value(self.weight) * penalty
        return terms

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No term."""
        return {}


@torch.compiler.disable  # type: ignore[untyped-decorator]  # it has no second derivatives
def matching_gradients(
    discriminator: Discriminator, images: Float[Tensor, "b 3 h w"], prompt: Prompt
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b d"]]:
    """The gradients of each image's logit with respect to the image and to its sentence, with their graph.

    Where a discriminator has several logits an image, those of their mean.

    Raises:
        RecipeError: The discriminator does not use the sentence.
    """
    with without_autocast(images.device):
        images, sentence = _leaf(images), _leaf(prompt.sentence)
        logits = discriminator.logits(discriminator.features(images), replace(prompt, sentence=sentence))
        # An image's logit does not depend on the other images: row by row, the sum has each one's gradient.
        total = logits.flatten(1).mean(dim=1).sum() if logits.ndim > 1 else logits.sum()
        by_image, by_sentence = torch.autograd.grad(
            total, (images, sentence), create_graph=True, allow_unused=True
        )
    if by_sentence is None:
        message = "`matching-aware-penalty` requires a discriminator that uses the sentence"
        raise RecipeError(Problem("sentence-unused", message, expected="a discriminator such as `df-gan`"))
    return by_image, by_sentence


def _leaf(values: Tensor) -> Tensor:
    """The values, in float32 or wider, as the start of a graph."""
    wide = torch.promote_types(values.dtype, torch.float32)
    return values.detach().to(wide).requires_grad_()
