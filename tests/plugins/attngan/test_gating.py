"""Gated linear units: the same numbers in every layout, with gradients that keep it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from attnforge_attngan.gating import MIN_ROW_BYTES, gated
from torch.testing import assert_close

LAST = torch.channels_last


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [6, MIN_ROW_BYTES])
@pytest.mark.parametrize("last", [False, True])
def test_a_gate_computes_what_torch_computes_and_keeps_the_layout(
    dtype: torch.dtype, channels: int, last: bool
) -> None:
    torch.manual_seed(0)
    layout = LAST if last else torch.contiguous_format
    values = torch.randn(2, channels, 5, 4, dtype=dtype).contiguous(memory_format=layout)
    ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    pull = torch.randn(2, channels // 2, 5, 4, dtype=dtype).contiguous(memory_format=layout)
    result, expected = gated(ours), F.glu(theirs, dim=1)
    assert_close(result, expected)
    assert result.is_contiguous(memory_format=layout)
    (gradient,) = torch.autograd.grad(result, ours, pull)
    (expected_gradient,) = torch.autograd.grad(expected, theirs, pull)
    assert_close(gradient, expected_gradient)
    assert gradient.is_contiguous(memory_format=layout)


def test_a_gate_of_few_channels_is_differentiable_twice() -> None:
    values = torch.randn(1, 4, 2, 3, dtype=torch.float64).contiguous(memory_format=LAST).requires_grad_()
    assert torch.autograd.gradgradcheck(gated, values)
