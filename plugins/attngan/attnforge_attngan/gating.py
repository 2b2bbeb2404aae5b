"""Gated linear units whose gradient stands in memory as their input does."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


def gated(values: Float[Tensor, "b c *_"]) -> Float[Tensor, "b _ *_"]:
    """Half of the channels times the sigmoid of the other half (Dauphin et al., 2017).

    The gradient that torch gives is contiguous whatever its input is. For maps with channels last every layer
    before would turn it around again, so there it is written in the input's layout. That way has no second
    derivative.
    """
    if values.is_contiguous():
        return F.glu(values, dim=1)
    kept: Tensor = _LaidOut.apply(values)
    return kept


class _LaidOut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return F.glu(values, dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        room = torch.empty_like(values)
        given: Tensor = torch.ops.aten.glu_backward.grad_input(gradient, values, 1, grad_input=room)
        return given
