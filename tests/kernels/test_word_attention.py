"""Word attention: the golden vectors of the official code, and what must hold for every input."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from attention_cases import KERNELS
from kernel_devices import device_for
from torch import Tensor

from attnforge.kernels.word_attention import word_attention

GOLDEN = Path(__file__).parent.parent / "golden" / "word_attention.npz"


def attend(
    features: Tensor, words: Tensor, padding: Tensor, *, kernel: str = "auto"
) -> tuple[Tensor, Tensor]:
    device = device_for(kernel)
    inputs = features.to(device), words.to(device), padding.to(device)
    context, weights = word_attention(*inputs, return_weights=True, kernel=kernel)
    assert weights is not None
    return context.cpu(), weights.cpu()


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_gives_the_official_numbers_and_gradients(kernel: str) -> None:
    golden = {name: torch.from_numpy(value) for name, value in np.load(GOLDEN).items()}
    random = np.random.RandomState(zlib.crc32(b"conv_context.weight"))
    projection = torch.from_numpy((random.standard_normal((8, 16)) * np.sqrt(2 / 16)).astype(np.float32))
    leaves = golden["hidden"], golden["words"], projection
    hidden, words, projection = (leaf.requires_grad_() for leaf in leaves)
    context, weights = attend(hidden, projection @ words, golden["mask"], kernel=kernel)
    torch.testing.assert_close(context, golden["context"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights, golden["attention"], rtol=1e-4, atol=1e-6)
    gradients = torch.autograd.grad(context, (hidden, words, projection), golden["grad_context"])
    expected = golden["grad_hidden"], golden["grad_words"], golden["grad_projection"][:, :, 0, 0]
    for given_gradient, golden_gradient in zip(gradients, expected, strict=True):
        torch.testing.assert_close(given_gradient, golden_gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_caption_of_padding_alone_gives_zeros_and_finite_gradients(kernel: str) -> None:
    features = torch.randn(2, 3, 2, 2, requires_grad=True)
    words = torch.randn(2, 3, 4, requires_grad=True)
    padding = torch.tensor([[False, True, True, True], [True, True, True, True]])
    context, weights = attend(features, words, padding, kernel=kernel)
    assert (context[1] == 0).all()
    assert (weights[1] == 0).all()
    for gradient in torch.autograd.grad(context.sum(), (features, words)):
        assert gradient.isfinite().all()


def test_the_weights_are_given_only_when_asked_for() -> None:
    features, words = torch.randn(1, 3, 2, 2), torch.randn(1, 3, 4)
    padding = torch.zeros(1, 4, dtype=torch.bool)
    context, weights = word_attention(features, words, padding)
    assert weights is None
    assert torch.equal(context, attend(features, words, padding)[0])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_lower_precision_stays_near_double_and_keeps_its_type(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    features, words = torch.randn(2, 8, 5, 5).to(dtype), torch.randn(2, 8, 7).to(dtype)
    padding = torch.arange(7) >= torch.tensor([[7], [3]])
    exact = attend(features.double(), words.double(), padding)
    for one, other in zip(attend(features, words, padding), exact, strict=True):
        assert one.dtype is dtype
        torch.testing.assert_close(one.double(), other, rtol=0, atol=tolerance)


def test_memory_layout_does_not_matter() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 6, 4, 5)
    words = torch.randn(2, 6, 7)
    padding = torch.arange(7) >= torch.tensor([[7], [3]])
    expected = attend(features, words, padding)
    scattered_features = features.to(memory_format=torch.channels_last)
    scattered_words = words.transpose(1, 2).contiguous().transpose(1, 2)
    sliced = torch.randn(2, 6, 8, 10)
    sliced[:, :, ::2, ::2] = features
    for layout in (scattered_features, sliced[:, :, ::2, ::2]):
        assert not layout.is_contiguous()
        for one, other in zip(attend(layout, scattered_words, padding), expected, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kernel", KERNELS)
def test_autocast_stays_near_double(kernel: str) -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 5, 5, requires_grad=True)
    words = torch.randn(2, 8, 7, requires_grad=True)
    padding = torch.arange(7) >= torch.tensor([[7], [3]])
    with torch.autocast("cpu", torch.bfloat16):
        context, weights = attend(features, words, padding, kernel=kernel)
    exact_context, exact_weights = attend(features.double(), words.double(), padding)
    torch.testing.assert_close(context.double(), exact_context, rtol=0, atol=5e-2)
    torch.testing.assert_close(weights.double(), exact_weights, rtol=0, atol=5e-2)
    for gradient in torch.autograd.grad(context.float().square().sum(), (features, words)):
        assert gradient.isfinite().all()
