"""Gated linear units: the same numbers in every layout, with gradients that keep it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from attnforge_attngan.gating import gated

LAST = torch.channels_last


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("last", [False, True])
def test_a_gate_computes_what_torch_computes_and_keeps_the_layout(dtype: torch.dtype, last: bool) -> None:
    torch.manual_seed(0)
    layout = LAST if last else torch.contiguous_format
    values = torch.randn(2, 6, 5, 4, dtype=dtype).contiguous(memory_format=layout)
    ours, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    pull = torch.randn(2, 3, 5, 4, dtype=dtype).contiguous(memory_format=layout)
    result, expected = gated(ours), F.glu(theirs, dim=1)
    assert torch.equal(result, expected)
    assert result.is_contiguous(memory_format=layout)
    (gradient,) = torch.autograd.grad(result, ours, pull)
    (wanted,) = torch.autograd.grad(expected, theirs, pull)
    assert torch.equal(gradient, wanted)
    assert gradient.is_contiguous(memory_format=layout)
