"""Optimizer state in checkpoints: independent of device, memory format and implementation.

A run may be resumed on another device and with other options of `training`. How an optimizer computes, and
where it keeps its step counters, then depends on the new optimizer, not on the saved one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

IMPLEMENTATION_OPTIONS = ("fused", "foreach", "capturable", "differentiable")
"""Options of a parameter group that select how it computes."""


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The state to save: learning rates as floats, tensors contiguous."""
    state = optimizer.state_dict()
    groups = [
        {key: float(value) if key == "lr" else value for key, value in group.items()}
        for group in state["param_groups"]
    ]
    contiguous = {
        index: {key: _contiguous(value) for key, value in values.items()}
        for index, values in state["state"].items()
    }
    return {**state, "state": contiguous, "param_groups": groups}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load what `optimizer_state` returned, on the CPU; how the optimizer computes does not change.

    Step counters stay on the CPU for an optimizer that reads them there: on a GPU, each read would wait
    for it.
    """
    own = optimizer.param_groups
    rates = [group.get("lr") for group in own]
    groups = [
        {**saved, **{key: group[key] for key in IMPLEMENTATION_OPTIONS if key in group}}
        for saved, group in zip(state["param_groups"], own, strict=False)
    ]
    optimizer.load_state_dict({**state, "param_groups": groups + state["param_groups"][len(groups) :]})
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(rate, Tensor):  # a CUDA graph reads this tensor
            group["lr"] = rate.fill_(group["lr"])
    for weight, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == weight.shape and value.ndim:
                values[key] = _strided_like(weight, value)


def _contiguous(value: Any) -> Any:
    return value.contiguous() if isinstance(value, Tensor) else value


def _strided_like(weight: Tensor, value: Tensor) -> Tensor:
    """The value with the strides of its weight, on which fused kernels rely."""
    if value.stride() == weight.stride():
        return value
    return torch.empty_like(weight, dtype=value.dtype).copy_(value)
