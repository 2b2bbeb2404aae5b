"""The Kullback-Leibler term of conditioning augmentation (StackGAN, Zhang et al., ICCV 2017)."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec

Reduction = Literal["mean", "sum"]
"""How the divergences of a batch are reduced to a scalar."""


class ConditioningLoss:
    """Keeps the Gaussian that conditions are sampled from near the standard normal.

    For mean m and deviation s, each dimension of the condition costs -1/2 (1 + log s^2 - m^2 - s^2). The term
    is not in AttnGAN's paper: omit the loss for its objective. The official code adds it with weight 1, the
    code of both StackGANs with weight 2.

    Args:
        weight: Factor of the term.
        reduction: `mean` over batch and condition, as in the official code; `sum` over the condition, and
            the mean over the batch, which is the divergence of the whole Gaussian.

    Raises:
        RecipeError: The generator samples no condition.
    """

    def __init__(
        self, spec: LossSpec, *, weight: ScheduledWeight = 1.0, reduction: Reduction = "mean"
    ) -> None:
        if not spec.condition:
            message = "the loss `kl` needs a sampled condition, and this generator has none"
            expected = "a generator with a `conditioner`, or a recipe without the loss `kl`"
            raise RecipeError(Problem("no-condition", message, expected=expected))
        self.weight = weight
        self.reduction: Reduction = reduction

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted divergence."""
        condition = step.fake.condition
        assert condition is not None, "the generator samples a condition of the width in the spec"  # noqa: S101
        mean, logvar = at_least_float32(condition.mean), at_least_float32(condition.logvar)
        elementwise = -0.5 * (1 + logvar - mean.square() - logvar.exp())
        per_sample = elementwise.sum(dim=1)
        divergence = per_sample.mean() if self.reduction == "sum" else elementwise.mean()
        return {"conditioning": step.value(self.weight) * divergence}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms."""
        return {}
