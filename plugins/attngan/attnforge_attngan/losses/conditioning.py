"""The Kullback-Leibler term of conditioning augmentation (StackGAN, Zhang et al., ICCV 2017)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import AdversarialStep
from attnforge_attngan.losses.options import Weight


class ConditioningLoss:
    """Keeps the Gaussian that a condition is drawn from near the standard one.

    -1/2 mean(1 + log s^2 - m^2 - s^2) over batch and condition, for mean m and deviation s. It is not in
    AttnGAN's paper; the official code adds it with weight 1.

    Args:
        weight: What the term is multiplied with.
    """

    def __init__(self, *, weight: Weight = 1.0) -> None:
        self.weight = weight

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted divergence."""
        mean, logvar = step.fake.condition.mean, step.fake.condition.logvar
        divergence = -0.5 * (1 + logvar - mean.square() - logvar.exp()).mean()
        return {"conditioning": self.weight * divergence}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Nothing."""
        return {}
