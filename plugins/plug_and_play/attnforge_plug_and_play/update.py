"""The update of a code: towards the prior and the condition, with noise, by a step of a given mean size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRule:
    """h <- clip(h + step_i / mean|d| * d) with d = e1 (R(h) - h) + e2 gradient + N(0, e3), of PPGN.

    Args:
        steps: Number n of updates.
        step_size: Mean absolute change of a code by update 0.
        final_step_size: By update n; it changes linearly.
        prior_weight: e1, the factor of what the denoiser changes.
        condition_weight: e2, the factor of the score's gradient.
        noise: e3, the standard deviation of the noise.
        minimum: Codes are clipped to no less.
        maximum: Codes are clipped to no more.
    """

    steps: int
    step_size: float
    final_step_size: float
    prior_weight: float
    condition_weight: float
    noise: float
    minimum: float | None = None
    maximum: float | None = None

    def size(self, update: int) -> float:
        """The mean absolute change of a code by an update, counted from 0."""
        return self.step_size + (self.final_step_size - self.step_size) * update / max(1, self.steps)

    def direction(
        self,
        *,
        prior: Float[Tensor, "b k"] | None,
        condition: Float[Tensor, "b k"],
        noise: Float[Tensor, "b k"] | None,
    ) -> Float[Tensor, "b k"]:
        """d, before it is scaled.

        Args:
            prior: R(h) - h.
            condition: The gradient of the score.
            noise: Standard normal values.
        """
        direction = self.condition_weight * condition
        if prior is not None:
            direction = direction + self.prior_weight * prior
        return direction if noise is None else direction + self.noise * noise

    def moved(
        self, code: Float[Tensor, "b k"], direction: Float[Tensor, "b k"], *, update: int
    ) -> Float[Tensor, "b k"]:
        """The codes after an update; those whose direction is zero or not finite stay where they are."""
        mean = direction.abs().mean(dim=1, keepdim=True)
        moves = mean.isfinite() & (mean > 0)
        change = torch.where(moves, direction / mean * self.size(update), torch.zeros_like(code))
        changed = code + change
        if self.minimum is not None or self.maximum is not None:
            changed = changed.clamp(self.minimum, self.maximum)
        return torch.where(moves, changed, code)
