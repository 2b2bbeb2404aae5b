"""What a monitor reports, and what a monitor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from attnforge.train.loop import StepResult


@dataclass(frozen=True, slots=True)
class Symptom:
    """A sign that training fails."""

    kind: str
    """A short stable name, such as `discriminator-saturation`."""
    message: str
    """What was seen, with the value."""
    remedy: str
    """What usually helps."""


@runtime_checkable
class Monitor(Protocol):
    """Looks at a phase after each step."""

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> Symptom | None:
        """A symptom, if there is one; `scalars` are the step's numbers where it is logged, else None.

        Without them it must not read from the device, which would wait for it.
        """
        ...
