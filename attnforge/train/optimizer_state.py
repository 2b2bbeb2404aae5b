"""The state of optimizers as checkpoints hold it: without a device, a layout or a way of computing.

A run may be resumed on another device and with other options of `training`. How an optimizer computes, and
where it wants its counters, is then up to the optimizer that goes on, not to the one that was saved.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

COMPUTING = ("fused", "foreach", "capturable", "differentiable")
"""Options of a parameter group that say how it computes."""


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The state to save: step sizes as numbers, tensors contiguous."""
    state = optimizer.state_dict()
    groups = [
        {key: float(value) if key == "lr" else value for key, value in group.items()}
        for group in state["param_groups"]
    ]
    held = {
        place: {key: _contiguous(value) for key, value in values.items()}
        for place, values in state["state"].items()
    }
    return {**state, "state": held, "param_groups": groups}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Put back what `optimizer_state` gave, on the CPU; the optimizer computes as it did before.

    Counters of steps stay on the CPU for an optimizer that reads them there: on a GPU, reading each of them
    would wait for it.
    """
    own = optimizer.param_groups
    rates = [group.get("lr") for group in own]
    groups = [
        {**saved, **{key: group[key] for key in COMPUTING if key in group}}
        for saved, group in zip(state["param_groups"], own, strict=False)
    ]
    optimizer.load_state_dict({**state, "param_groups": groups + state["param_groups"][len(groups) :]})
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(rate, Tensor):  # a graph reads it where it is
            group["lr"] = rate.fill_(group["lr"])
    for weight, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == weight.shape and value.ndim:
                values[key] = _laid_out_as(weight, value)


def _contiguous(value: Any) -> Any:
    return value.contiguous() if isinstance(value, Tensor) else value


def _laid_out_as(weight: Tensor, value: Tensor) -> Tensor:
    """The value with the strides of its weight, which kernels for many weights at once rely on."""
    if value.stride() == weight.stride():
        return value
    return torch.empty_like(weight, dtype=value.dtype).copy_(value)
