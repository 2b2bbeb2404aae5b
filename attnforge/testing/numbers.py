"""Random numbers for tests."""

from __future__ import annotations

import torch
from torch import Tensor


def numbers(*shape: int, seed: int) -> Tensor:
    """Normally distributed numbers of this shape, the same for the same seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
