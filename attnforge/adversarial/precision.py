"""Computations that stay in float32 under autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """A context that disables autocast, if it is on for the device."""
    kind = device.type
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


def at_least_float32(values: Tensor) -> Tensor:
    """The values in float32, or in float64 where they are that, for sums and exponentials."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
