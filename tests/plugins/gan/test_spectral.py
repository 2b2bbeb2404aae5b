"""Spectral normalisation in few operations equals torch's, with its gradients and their gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from attnforge_gan.spectral import Float32SpectralNorm
from torch import Tensor
from torch.nn.utils.parametrizations import _SpectralNorm

WEIGHT = (5, 3, 4, 4)


def pair(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Float32SpectralNorm, _SpectralNorm]:
    """A weight, our normalisation and torch's, from the same state."""
    torch.manual_seed(2)
    weight = torch.randn(WEIGHT, dtype=dtype, requires_grad=True)
    ours, theirs = Float32SpectralNorm(weight.detach()), _SpectralNorm(weight.detach())
    theirs.load_state_dict(copy.deepcopy(ours.state_dict()))
    return weight, ours, theirs


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_equals_torchs_at_every_access(training: bool, dtype: torch.dtype) -> None:
    weight, ours, theirs = pair(dtype)
    ours.train(training)
    theirs.train(training)
    target = torch.randn(WEIGHT, dtype=dtype)
    for _ in range(4):
        gradients = []
        for norm in (ours, theirs):
            normalised = norm(weight)
            loss = (normalised * target).sum() + normalised.square().sum()
            gradients.append((normalised, *torch.autograd.grad(loss, weight)))
        for actual, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(actual, expected)
        for name, expected in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], expected)


def test_two_accesses_can_be_differentiated_together() -> None:
    """As in D(real) - D(fake): the second one replaces the vectors that the first was computed with."""
    weight, ours, theirs = pair()
    gradients = [
        torch.autograd.grad(norm(weight).sum() - 2 * norm(weight).square().sum(), weight)[0]
        for norm in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients)


def test_gradients_of_gradients_equal_torchs() -> None:
    """As in a gradient penalty, which is differentiated by the weights."""
    weight, ours, theirs = pair()
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)

    def penalty(norm: Callable[[Tensor], Tensor]) -> Tensor:
        logits = torch.nn.functional.conv2d(images, norm(weight)).tanh().sum()
        slopes, by_weight = torch.autograd.grad(logits, (images, weight), create_graph=True)
        (by_both,) = torch.autograd.grad(slopes.square().sum() + by_weight.square().sum(), weight)
        return by_both

    torch.testing.assert_close(penalty(ours), penalty(theirs))
    ours.eval()
    assert torch.autograd.gradgradcheck(ours, weight)


def test_a_weight_of_zeros_stays_finite() -> None:
    _, ours, _ = pair()
    assert ours(torch.zeros(WEIGHT, dtype=torch.float64)).isfinite().all()
