"""Learning rates that change during a phase."""

from __future__ import annotations

import torch


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the step size of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def linear_decay(*, progress: float, start: float, final_share: float) -> float:
    """One until `progress` reaches `start`, then falling in a straight line to `final_share` at 1."""
    if progress <= start:
        return 1.0
    return 1.0 - (1.0 - final_share) * (progress - start) / (1.0 - start)
