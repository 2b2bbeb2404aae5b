"""Scalars of a step that are not terms of the objective: logged, not summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Observing(Protocol):
    """A loss with further scalars, which the task `gan` logs under the names that the loss gives."""

    def observed(self) -> Mapping[str, Float[Tensor, ""]]:
        """Scalars of the last step, its backward pass included, on the step's device."""
        ...
