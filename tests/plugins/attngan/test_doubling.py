"""The doubling convolution is nearest neighbours and a 3 x 3 convolution, whichever way it goes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from attnforge_attngan.doubling import DoublingConvolution


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (7, 9), (8, 8), (1, 64), (13, 11)])
def test_it_equals_both_steps_with_their_gradients(height: int, width: int) -> None:
    torch.manual_seed(0)
    convolution = DoublingConvolution(3, 5).double()
    hidden = torch.randn(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    weight = convolution.weight
    expected = F.conv2d(F.interpolate(hidden, scale_factor=2.0, mode="nearest"), weight, padding=1)
    given = convolution(hidden)
    torch.testing.assert_close(given, expected)
    pull = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(given, (hidden, weight), pull),
        torch.autograd.grad(expected, (hidden, weight), pull),
    )
