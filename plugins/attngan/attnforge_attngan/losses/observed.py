"""Figures of a step that are no terms of the objective: to be logged, not to be summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Observing(Protocol):
    """A loss that also has something to tell; the task `gan` logs it under the names that the loss gives."""

    def observed(self) -> Mapping[str, Float[Tensor, ""]]:
        """What was observed in the last step, its backward pass included; scalars on the step's device."""
        ...
