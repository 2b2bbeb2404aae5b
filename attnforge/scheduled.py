"""Numbers of a recipe that change during a phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge.ranges import Positive, Weight
from attnforge.values import Progress

Curve = Literal["linear", "cosine", "steps"]
PartOfPhase = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A number that changes during a phase, as a section of a recipe in place of a number.

    With t the share of `over` that is completed, at most 1:

        linear   from + (to - from) t
        cosine   to + (from - to) (1 + cos(pi t)) / 2
        steps    from + (to - from) floor(n t) / n, in n equal `jumps`

    Then it stays at `to`. R3GAN (Huang et al., 2024) lowers the weight of its penalties to a tenth by a
    cosine. The value depends on the step alone, so that a resumed run has the same.

    Args:
        schedule: How it changes: `linear`, `cosine` or `steps`.
        from_: The value in the first step.
        to: The value at the end.
        over: How long it takes: a number of steps, or a share of the phase below 1; by default all of it.
        jumps: How often the value of `steps` changes.

    Raises:
        RecipeError: `jumps` belongs to another schedule than `steps`.
    """

    schedule: Curve
    from_: Weight
    to: Weight
    over: Positive | PartOfPhase | None = None
    jumps: Annotated[int, Field(ge=1, le=1000)] = 1

    def __post_init__(self) -> None:
        if self.jumps > 1 and self.schedule != "steps":
            message = f"a number that follows `schedule: {self.schedule}` has no `jumps`"
            raise RecipeError(Problem("schedule-jumps", message, expected="`schedule: steps`, or no `jumps`"))

    def at(self, progress: Progress) -> float:
        """The value in a step."""
        steps = self.over if self.over is not None else progress.steps
        if isinstance(steps, float):
            steps *= progress.steps
        share = min(1.0, progress.step / steps)
        if share == 1:
            return self.to
        if self.schedule == "cosine":
            return self.to + (self.from_ - self.to) * (1 + math.cos(math.pi * share)) / 2
        if self.schedule == "steps":
            share = math.floor(share * self.jumps) / self.jumps
        return self.from_ + (self.to - self.from_) * share


ScheduledWeight = Weight | Scheduled
"""A factor of a loss, which a recipe gives as a number or as a schedule."""


class ScheduledValues:
    """The values of schedules in the current step, as tensors that CUDA graphs read.

    A graph replays operations without Python, so a number that it was captured with stays; these tensors are
    written before each step instead.

    Args:
        device: Where they are.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._values: dict[Scheduled, Tensor] = {}
        self._progress: Progress | None = None

    def advance(self, progress: Progress) -> None:
        """Write the values of a step into all tensors that were read before."""
        self._progress = progress
        for schedule, value in self._values.items():
            value.fill_(schedule.at(progress))

    def value(self, schedule: Scheduled) -> Float[Tensor, ""]:
        """The value of a schedule in the step of the last `advance`."""
        if schedule not in self._values:
            assert self._progress is not None, "`advance` sets the progress"  # noqa: S101
            self._values[schedule] = torch.tensor(
                schedule.at(self._progress), dtype=torch.float32, device=self.device
            )
        return self._values[schedule]
