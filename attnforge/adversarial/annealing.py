"""Weights of terms that shrink during a phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from attnforge.interfaces import Progress
from attnforge.ranges import Share


@dataclass(frozen=True, kw_only=True)
class Annealing:
    """How a weight shrinks during a phase, as a section of a recipe: by a cosine, then it stays.

    R3GAN (Huang et al., 2024) lowers the weight of its penalties to a tenth this way. The cosine is taken in
    steps, because a CUDA graph is captured for each value: the weight is that of the middle of a step.

    Args:
        to: Share of the weight that is left at the end.
        until: Share of the phase after which it stays at `to`.
        levels: How many values it takes on the way.
    """

    to: Share = 0.1
    until: Annotated[float, Field(gt=0, le=1)] = 1.0
    levels: Annotated[int, Field(ge=1, le=1000)] = 16

    def factor(self, progress: Progress) -> float:
        """What the weight is multiplied by in a step."""
        share = progress.share / self.until
        if share >= 1:
            return self.to
        middle = (math.floor(share * self.levels) + 0.5) / self.levels
        return self.to + (1 - self.to) * (1 + math.cos(math.pi * middle)) / 2
