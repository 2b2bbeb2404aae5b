"""What holds for word attention whichever kernel computes it."""

from __future__ import annotations

import pytest
import torch
from attention_cases import KERNELS, LAYOUTS, Case, moved
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_devices import device_for
from torch import Tensor

from attnforge.kernels import gpu
from attnforge.kernels.word_attention import attend_and_join, word_attention

CASE = Case(batch=3, words=9, size=(9, 11), channels=20)


@st.composite
def inputs(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Features, words and a padding of any pattern in float32; captions may have no word at all."""
    batch, channels, longest, height, width = (draw(st.integers(1, limit)) for limit in (3, 20, 20, 6, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.0, 0.3, 3.0, 30.0]))
    features = scale * torch.randn(batch, channels, height, width, generator=generator)
    words = torch.randn(batch, channels, longest, generator=generator)
    padding = torch.rand(batch, longest, generator=generator) < draw(st.sampled_from([0.0, 0.3, 0.9]))
    return features, words, padding


def attend(
    features: Tensor, words: Tensor, padding: Tensor, kernel: str, *, join: bool = False
) -> tuple[Tensor, Tensor]:
    """Context and weights where the inputs are, computed where the kernel can run."""
    device = device_for(kernel)
    operation = attend_and_join if join else word_attention
    inputs = (one if one.device.type == device else one.to(device) for one in (features, words, padding))
    context, weights = operation(*inputs, return_weights=True, kernel=kernel)
    assert weights is not None
    return context.to(features.device), weights.to(features.device)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=examples(40))
@given(case=inputs())
def test_weights_sum_to_one_and_padding_gets_none(kernel: str, case: tuple[Tensor, Tensor, Tensor]) -> None:
    features, words, padding = case
    context, weights = attend(features, words, padding, kernel)
    full = (~padding).any(dim=1)[:, None, None].float().expand_as(weights[:, 0])
    torch.testing.assert_close(weights.sum(dim=1), full)
    assert (weights.movedim(1, -1).movedim(0, -2)[:, :, padding] == 0).all()
    mixed = torch.einsum("bcl,blhw->bchw", words, weights)
    torch.testing.assert_close(context, mixed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=examples(40))
@given(case=inputs(), garbage=st.sampled_from([1e30, float("inf"), float("nan")]))
def test_a_padded_slot_has_no_influence(
    kernel: str, case: tuple[Tensor, Tensor, Tensor], garbage: float
) -> None:
    features, words, padding = case
    features.requires_grad_()
    outcomes = []
    for value in (0.0, garbage):
        filled = torch.where(padding[:, None], value, words).requires_grad_()
        context, weights = attend(features, filled, padding, kernel)
        gradients = torch.autograd.grad(context.square().sum() + weights.square().sum(), (features, filled))
        assert (gradients[1].movedim(1, 2)[padding] == 0).all()
        outcomes.append((context, weights, *gradients))
    for one, other in zip(*outcomes, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=examples(40))
@given(case=inputs(), data=st.data())
def test_batch_mates_further_padding_and_the_order_of_words_do_not_matter(
    kernel: str, case: tuple[Tensor, Tensor, Tensor], data: st.DataObject
) -> None:
    features, words, padding = case
    context, weights = attend(features, words, padding, kernel)
    one = data.draw(st.integers(0, len(words) - 1))
    order = data.draw(st.permutations(range(words.shape[2])))
    more = data.draw(st.integers(0, 5))
    longer = torch.cat([words[one : one + 1, :, order], words.new_ones(1, words.shape[1], more)], dim=2)
    hidden = torch.cat([padding[one : one + 1, order], padding.new_ones(1, more)], dim=1)
    alone, own = attend(features[one : one + 1], longer, hidden, kernel)
    torch.testing.assert_close(alone[0], context[one], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(own[0, : len(order)], weights[one, order], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=examples(40))
@given(case=inputs(), shift=st.integers(-8, 8))
def test_shifting_all_scores_of_a_pixel_changes_nothing(
    kernel: str, case: tuple[Tensor, Tensor, Tensor], shift: int
) -> None:
    """A channel in which all words are one adds the pixel's value there to all of its scores."""
    features, words, padding = case
    _, weights = attend(features, words, padding, kernel)
    extra = torch.full_like(features[:, :1], shift)
    wider = torch.cat([features, extra], dim=1), torch.cat([words, torch.ones_like(words[:, :1])], dim=1)
    _, shifted = attend(*wider, padding, kernel)
    torch.testing.assert_close(shifted, weights, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_joining_is_concatenating(kernel: str, layout: str) -> None:
    case = Case(batch=3, words=9, size=(9, 11), channels=20, layout=layout)
    features, words, padding = (moved(one, device_for(kernel)) for one in case.inputs(torch.float32))
    context, weights = attend(features, words, padding, kernel)
    joined, own = attend_and_join(features, words, padding, return_weights=True, kernel=kernel)
    assert own is not None
    assert torch.equal(joined, torch.cat((features, context), dim=1))
    assert torch.equal(own, weights)
    assert attend_and_join(features, words, padding, kernel=kernel)[1] is None
    if layout == "channels-last":
        assert joined.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_three_runs_give_the_same_bits(kernel: str, dtype: torch.dtype) -> None:
    side = (
        20 if kernel == "triton" and gpu.interpreted() else 40
    )  # of several programs; interpreting takes long
    case = Case(batch=2, words=18, size=(side, side), channels=32, join=True)
    first, *others = (case.results(kernel, dtype) for _ in range(3))
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_gradient_of_one_input_alone_is_the_same(kernel: str) -> None:
    features, words, padding = CASE.inputs(torch.float32)
    both = CASE.results(kernel, torch.float32)
    assert all(torch.isfinite(value).all() for value in both.values())
    for which, name in ((0, "of features"), (1, "of words")):
        leaves = [features.clone(), words.clone()]
        leaves[which].requires_grad_()
        context, weights = attend(*leaves, padding, kernel)
        generator = torch.Generator().manual_seed(2)
        pulls = [torch.randn(one.shape, generator=generator) for one in (context, weights)]
        (gradient,) = torch.autograd.grad((context, weights), leaves[which], pulls)
        torch.testing.assert_close(gradient, both[name])


@pytest.mark.parametrize("kernel", ["reference", "cpu"])
def test_gradients_are_right_in_double_precision_even_twice(kernel: str) -> None:
    features, words, padding = Case(batch=2, words=4, size=(2, 3), channels=3).inputs(torch.double)
    leaves = features.requires_grad_(), words.requires_grad_()
    assert torch.autograd.gradcheck(lambda f, w: attend(f, w, padding, kernel), leaves)
    assert torch.autograd.gradcheck(lambda f, w: attend(f, w, padding, kernel, join=True), leaves)
    assert torch.autograd.gradgradcheck(lambda f, w: attend(f, w, padding, kernel), leaves)
    assert torch.autograd.gradgradcheck(lambda f, w: attend(f, w, padding, kernel, join=True), leaves)


@pytest.mark.parametrize("kernel", [kernel for kernel in KERNELS if kernel != "reference"])
def test_a_backward_pass_keeps_the_inputs_and_nothing_else(kernel: str) -> None:
    features, words, padding = (moved(one, device_for(kernel)) for one in CASE.inputs(torch.float32))
    features.requires_grad_()
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one) or one, lambda one: one):
        attend_and_join(features, words, padding, return_weights=True, kernel=kernel)
    pointers = {one.data_ptr() for one in (features, words, padding)}
    assert {one.data_ptr() for one in kept} == pointers
    kept.clear()
    with (
        torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one) or one, lambda one: one),
        torch.no_grad(),
    ):
        context, _ = word_attention(features, words, padding, kernel=kernel)
    assert not kept
    assert context.grad_fn is None
