"""Which pairs the backward pass of region matching may leave out, and how far the gradient is off then."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnforge.kernels.region_matching import region_matching
from attnforge.kernels.region_matching.filtering import keep_largest


@st.composite
def gradients(draw: st.DrawFn) -> Tensor:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    return torch.randn(rows, columns, generator=generator, dtype=torch.double) ** 3


@given(gradients(), st.floats(0.001, 0.9))
def test_the_smallest_set_that_carries_the_rest_is_kept_and_the_diagonal(
    gradient: Tensor, share: float
) -> None:
    found = keep_largest(gradient, share)
    kept = found != 0
    assert torch.equal(found[kept], gradient[kept])
    assert kept.diagonal().all()
    sizes = gradient.abs().flatten().sort(descending=True).values.tolist()
    wanted = (1 - share) * sum(sizes)
    count = next(number for number in range(1, len(sizes) + 1) if sum(sizes[:number]) >= wanted - 1e-12)
    largest = gradient.abs() >= sizes[count - 1]
    own = torch.eye(*gradient.shape, dtype=torch.bool)
    assert torch.equal(kept, largest | own)


def test_nothing_is_left_out_of_a_gradient_with_an_infinity() -> None:
    gradient = torch.tensor([[1.0, float("inf")], [1e-9, 1.0]])
    assert torch.equal(keep_largest(gradient, 0.5), gradient)


def test_a_trained_batch_keeps_few_pairs_and_nearly_the_whole_gradient() -> None:
    torch.manual_seed(0)
    count, lengths = 24, torch.randint(1, 7, (24,))
    words = torch.randn(count, 16, 6, requires_grad=True)
    regions = torch.randn(count, 16, 9, requires_grad=True)
    optimizer = torch.optim.Adam((words, regions), lr=0.05)

    def loss(share: float, kept: Tensor | None = None) -> Tensor:
        scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5, filter=share, kept=kept)
        own = torch.arange(count)
        return F.cross_entropy(10 * scores, own) + F.cross_entropy(10 * scores.T, own)

    for _ in range(12):
        optimizer.zero_grad()
        loss(0.0).backward()
        optimizer.step()
    exact = torch.autograd.grad(loss(0.0), (words, regions))
    for share in (0.01, 0.1):
        kept = torch.ones(())
        found = torch.autograd.grad(loss(share, kept), (words, regions))
        assert count / count**2 <= kept.item() < 0.6
        off = torch.cat([(one - other).flatten() for one, other in zip(found, exact, strict=True)]).norm()
        size = torch.cat([one.flatten() for one in exact]).norm()
        assert 0 < off <= 1.5 * share * size


def test_the_share_of_pairs_with_a_gradient_is_told_without_a_filter_too() -> None:
    words, regions = torch.randn(2, 4, 3, requires_grad=True), torch.randn(3, 4, 5)
    kept = torch.zeros(())
    lengths = torch.tensor([3, 1])
    region_matching(words, regions, lengths, gamma1=4, gamma2=5, kept=kept)[0].sum().backward()
    assert kept.item() == pytest.approx(1 / 3)
