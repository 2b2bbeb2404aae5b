"""Word attention: the golden vectors of the official code, and what must hold for every input."""

from __future__ import annotations

import zlib
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnforge.kernels.word_attention import word_attention

GOLDEN = Path(__file__).parent.parent / "golden" / "word_attention.npz"


@st.composite
def inputs(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Features, words and padding in float64, with at least one word a caption and ragged ends."""
    batch, channels, longest, height, width = (draw(st.integers(1, limit)) for limit in (4, 5, 7, 4, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.0, 0.3, 3.0, 30.0]))
    lengths = draw(st.lists(st.integers(1, longest), min_size=batch, max_size=batch))
    features = scale * torch.randn(batch, channels, height, width, generator=generator, dtype=torch.double)
    words = torch.randn(batch, channels, longest, generator=generator, dtype=torch.double)
    return features, words, torch.arange(longest) >= torch.tensor(lengths)[:, None]


def attend(features: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
    context, weights = word_attention(features, words, padding, return_weights=True)
    assert weights is not None
    return context, weights


def test_it_gives_the_official_numbers_and_gradients() -> None:
    golden = {name: torch.from_numpy(value) for name, value in np.load(GOLDEN).items()}
    random = np.random.RandomState(zlib.crc32(b"conv_context.weight"))
    projection = torch.from_numpy((random.standard_normal((8, 16)) * np.sqrt(2 / 16)).astype(np.float32))
    leaves = golden["hidden"], golden["words"], projection
    hidden, words, projection = (leaf.requires_grad_() for leaf in leaves)
    context, weights = attend(hidden, projection @ words, golden["mask"])
    torch.testing.assert_close(context, golden["context"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights, golden["attention"], rtol=1e-4, atol=1e-6)
    gradients = torch.autograd.grad(context, (hidden, words, projection), golden["grad_context"])
    expected = golden["grad_hidden"], golden["grad_words"], golden["grad_projection"][:, :, 0, 0]
    for given_gradient, golden_gradient in zip(gradients, expected, strict=True):
        torch.testing.assert_close(given_gradient, golden_gradient, rtol=1e-4, atol=1e-4)


@given(inputs())
def test_the_weights_of_a_pixel_sum_to_one_and_padding_gets_exactly_none(
    case: tuple[Tensor, Tensor, Tensor],
) -> None:
    features, words, padding = case
    context, weights = attend(features, words, padding)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones_like(weights[:, 0]))
    assert (weights.movedim(1, -1).movedim(0, -2)[:, :, padding] == 0).all()
    torch.testing.assert_close(context, torch.einsum("bcl,blhw->bchw", words, weights))


@given(inputs(), st.sampled_from([1e30, -1e30, float("inf"), float("nan")]))
def test_what_a_padded_slot_holds_has_no_influence(
    case: tuple[Tensor, Tensor, Tensor], garbage: float
) -> None:
    features, words, padding = case
    clean, spoiled = (
        torch.where(padding[:, None], value, words).requires_grad_() for value in (torch.tensor(0.0), garbage)
    )
    for one, other in zip(attend(features, clean, padding), attend(features, spoiled, padding), strict=True):
        assert torch.equal(one, other)
    (gradient,) = torch.autograd.grad(attend(features, spoiled, padding)[0].square().sum(), spoiled)
    assert gradient.isfinite().all()
    assert (gradient.movedim(1, 2)[padding] == 0).all()


@given(inputs(), st.integers(0, 3))
def test_a_caption_does_not_depend_on_its_batch_mates_nor_on_how_far_it_is_padded(
    case: tuple[Tensor, Tensor, Tensor], which: int
) -> None:
    features, words, padding = case
    one = which % len(words)
    length = int((~padding[one]).sum())
    context, weights = attend(features, words, padding)
    alone, own = attend(
        features[one : one + 1], words[one : one + 1, :, :length], padding[one : one + 1, :length]
    )
    torch.testing.assert_close(context[one], alone[0])
    torch.testing.assert_close(weights[one, :length], own[0])


@given(inputs(), st.randoms(use_true_random=False))
def test_permuting_words_permutes_weights_and_leaves_the_context(
    case: tuple[Tensor, Tensor, Tensor], random: Random
) -> None:
    features, words, padding = case
    order = list(range(words.shape[2]))
    random.shuffle(order)
    context, weights = attend(features, words, padding)
    permuted_context, permuted_weights = attend(features, words[:, :, order], padding[:, order])
    torch.testing.assert_close(permuted_context, context)
    torch.testing.assert_close(permuted_weights, weights[:, order])


@given(inputs(), st.floats(-20, 20))
def test_shifting_all_scores_of_a_pixel_changes_nothing(
    case: tuple[Tensor, Tensor, Tensor], shift: float
) -> None:
    """A channel in which all words are one adds the pixel's value there to all of its scores."""
    features, words, padding = case
    _, weights = attend(features, words, padding)
    extra = shift * torch.arange(features[:, :1].numel(), dtype=torch.double).reshape(features[:, :1].shape)
    _, shifted = attend(
        torch.cat([features, extra], dim=1), torch.cat([words, torch.ones_like(words[:, :1])], dim=1), padding
    )
    torch.testing.assert_close(shifted, weights, rtol=1e-6, atol=1e-9)


def test_a_caption_of_padding_alone_gives_zeros_and_finite_gradients() -> None:
    features = torch.randn(2, 3, 2, 2, requires_grad=True)
    words = torch.randn(2, 3, 4, requires_grad=True)
    padding = torch.tensor([[False, True, True, True], [True, True, True, True]])
    context, weights = attend(features, words, padding)
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


def test_the_gradient_is_right_in_double_precision() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 3, dtype=torch.double, requires_grad=True)
    words = torch.randn(2, 3, 4, dtype=torch.double, requires_grad=True)
    padding = torch.tensor([[False, False, False, True], [False, True, True, True]])
    assert torch.autograd.gradcheck(lambda f, w: attend(f, w, padding), (features, words))
    assert torch.autograd.gradgradcheck(lambda f, w: attend(f, w, padding)[0], (features, words))


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


def test_autocast_stays_near_double() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 5, 5, requires_grad=True)
    words = torch.randn(2, 8, 7, requires_grad=True)
    padding = torch.arange(7) >= torch.tensor([[7], [3]])
    with torch.autocast("cpu", torch.bfloat16):
        context, weights = attend(features, words, padding)
    exact_context, exact_weights = attend(features.double(), words.double(), padding)
    torch.testing.assert_close(context.double(), exact_context, rtol=0, atol=5e-2)
    torch.testing.assert_close(weights.double(), exact_weights, rtol=0, atol=5e-2)
    for gradient in torch.autograd.grad(context.float().square().sum(), (features, words)):
        assert gradient.isfinite().all()
