"""Where threads share the work, blocks are larger; what is computed stays the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from attnforge.kernels.region_matching import region_matching
from attnforge.kernels.word_attention import word_attention


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("left_out", ["nothing", "pairs", "images"])
@pytest.mark.parametrize("images", [1, 5, 9])
def test_region_matching(threads: int, images: int, left_out: str) -> None:
    """Five and nine images fill no whole number of groups; zeros leave some images aside."""
    torch.manual_seed(threads)
    words = torch.randn(7, 8, 5, dtype=torch.double, requires_grad=True)
    regions = torch.randn(images, 8, 10, dtype=torch.double, requires_grad=True)
    lengths = torch.tensor([1, 5, 2, 3, 5, 4, 1])
    gradient = torch.randn(images, 7, dtype=torch.double)
    if left_out == "pairs":
        gradient[::2, 1:] = 0
    if left_out == "images":
        gradient[1::3] = 0

    def results(kernel: str) -> tuple[Tensor, ...]:
        scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5, kernel=kernel)
        return scores, *torch.autograd.grad(scores, (words, regions), gradient)

    torch.testing.assert_close(results("cpu"), results("reference"), rtol=1e-9, atol=1e-11)


def test_word_attention(threads: int) -> None:
    """Maps of more pixels than the blocks of one thread, and of several, hold."""
    torch.manual_seed(threads)
    features = torch.randn(2, 3, 160, 210, requires_grad=True)
    words = torch.randn(2, 3, 4, requires_grad=True)
    padding = torch.tensor([[False, False, False, True], [False, False, False, False]])
    gradient = torch.randn_like(features)

    def results(kernel: str) -> tuple[Tensor, ...]:
        context, _ = word_attention(features, words, padding, kernel=kernel)
        of_features, of_words = torch.autograd.grad(context, (features, words), gradient)
        return context, of_features, of_words / of_words.abs().max()

    torch.testing.assert_close(results("cpu"), results("reference"), rtol=1e-4, atol=1e-5)
