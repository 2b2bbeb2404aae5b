"""Copies weights and states into host memory, so that they can be written while training continues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def host_copy(state: Any) -> Any:
    """Nested dicts and lists with every tensor copied to contiguous host memory of its own.

    Copies from a GPU go to pinned memory and are waited for together, once.
    """
    devices: set[torch.device] = set()
    copied = _copied(state, devices)
    for device in devices:
        torch.cuda.synchronize(device)
    return copied


def _copied(state: Any, devices: set[torch.device]) -> Any:
    match state:
        case Tensor():
            return _copied_tensor(state.detach(), devices)
        case Mapping():
            return {key: _copied(value, devices) for key, value in state.items()}
        case list() | tuple():
            return type(state)(_copied(value, devices) for value in state)
    return state


def _copied_tensor(tensor: Tensor, devices: set[torch.device]) -> Tensor:
    # safetensors rejects tensors that share memory or are not contiguous
    if not tensor.is_cuda:
        return tensor.to("cpu", copy=True, memory_format=torch.contiguous_format)
    devices.add(tensor.device)
    # torch keeps freed pinned memory, so that only the first checkpoint pays for its allocation
    pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return pinned.copy_(tensor, non_blocking=True)
