"""What an attention promises: a weighted mean of the words of each image's own caption, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import Tensor

from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.testing.expect import assert_close, for_all, require
from attnforge.testing.networks import in_eval_mode
from attnforge.testing.numbers import numbers
from attnforge.testing.strategies import feature_maps, seeds, text_features
from attnforge.testing.subject import Subject


class AttentionInputs(NamedTuple):
    """The inputs of an attention."""

    features: Tensor
    text: TextFeatures


@st.composite
def attention_inputs(draw: DrawFn, *, channels: int, width: int) -> AttentionInputs:
    """Feature maps, and one caption for each, of different lengths."""
    text = draw(text_features(width=width))
    return AttentionInputs(draw(feature_maps(channels=channels, batch=len(text.sentence))), text)


def shapes(subject: Subject) -> None:
    """The context has the shape of the features, and the weights have a map for every word."""

    def holds(inputs: AttentionInputs) -> None:
        output = _attend(attention, inputs)
        batch, _, height, width = inputs.features.shape
        maps = [batch, inputs.text.words.shape[2], height, width]
        _require_shape(output.context, list(inputs.features.shape), "context")
        assert output.weights is not None  # noqa: S101  (requested)
        _require_shape(output.weights, maps, "weights")

    attention = _attention(subject)
    for_all(_inputs(subject), holds)


def weights_only_when_requested(subject: Subject) -> None:
    """Weights are returned when requested and None otherwise, and the context is the same either way."""

    def holds(inputs: AttentionInputs) -> None:
        plain = attention(*inputs)
        require(plain.weights is None, "weights are returned although return_weights is False")
        assert_close(plain.context, _attend(attention, inputs).context, "context without return_weights")

    attention = _attention(subject)
    for_all(_inputs(subject), holds)


def weights_sum_to_one(subject: Subject) -> None:
    """The weights of a pixel are non-negative and sum to one over the words."""

    def holds(inputs: AttentionInputs) -> None:
        weights = _weights(attention, inputs)
        require(
            float(weights.min()) >= 0, f"the smallest weight is {float(weights.min()):g}, which is negative"
        )
        total = weights.sum(dim=1)
        assert_close(total, torch.ones_like(total), "sum of a pixel's weights (image, row, column)")

    attention = _attention(subject)
    for_all(_inputs(subject), holds)


def padding_gets_no_weight(subject: Subject) -> None:
    """The weight of a padded word is exactly zero."""

    def holds(inputs: AttentionInputs) -> None:
        on_padding = _weights(attention, inputs).movedim(1, -1) * _pixel_padding(inputs)
        largest = float(on_padding.max())
        require(largest == 0, f"padding gets a weight of {largest:g}; captions have {_lengths(inputs)} words")

    attention = _attention(subject)
    for_all(_inputs(subject), holds)


def padded_positions_are_ignored(subject: Subject) -> None:
    """The vectors at padded positions change neither the context nor the weights."""

    def holds(example: tuple[AttentionInputs, int]) -> None:
        inputs, seed = example
        noise = 3 * numbers(*inputs.text.words.shape, seed=seed)
        words = torch.where(inputs.text.padding[:, None], noise, inputs.text.words)
        text = TextFeatures(words=words, sentence=inputs.text.sentence, padding=inputs.text.padding)
        _assert_close(
            _attend(attention, AttentionInputs(inputs.features, text)),
            _attend(attention, inputs),
            "padded vectors replaced by noise",
        )

    attention = _attention(subject)
    for_all(st.tuples(_inputs(subject), seeds()), holds)


def batch_invariance(subject: Subject) -> None:
    """An image with its caption gives the same result alone, without padding, as in a batch."""

    def holds(inputs: AttentionInputs) -> None:
        together = _attend(attention, inputs)
        for index, length in enumerate(_lengths(inputs)):
            text = TextFeatures(
                words=inputs.text.words[index : index + 1, :, :length],
                sentence=inputs.text.sentence[index : index + 1],
                padding=inputs.text.padding[index : index + 1, :length],
            )
            alone = _attend(attention, AttentionInputs(inputs.features[index : index + 1], text))
            what = f"caption {index} of lengths {_lengths(inputs)} alone"
            assert_close(alone.context[0], together.context[index], f"{what}: context")
            assert alone.weights is not None and together.weights is not None  # noqa: S101, PT018
            assert_close(alone.weights[0], together.weights[index, :length], f"{what}: weights")

    attention = _attention(subject)
    for_all(_inputs(subject), holds)


def word_order_equivariance(subject: Subject) -> None:
    """Permuting the words permutes the weights and leaves the context unchanged."""

    def holds(example: tuple[AttentionInputs, int]) -> None:
        inputs, seed = example
        no_padding = torch.zeros_like(inputs.text.padding)  # so that only the order can matter
        order = torch.randperm(no_padding.shape[1], generator=torch.Generator().manual_seed(seed))
        original = TextFeatures(words=inputs.text.words, sentence=inputs.text.sentence, padding=no_padding)
        permuted = TextFeatures(
            words=original.words[:, :, order], sentence=original.sentence, padding=no_padding
        )
        before = _attend(attention, AttentionInputs(inputs.features, original))
        after = _attend(attention, AttentionInputs(inputs.features, permuted))
        assert before.weights is not None and after.weights is not None  # noqa: S101, PT018
        assert_close(after.context, before.context, "context after permuting the words")
        assert_close(after.weights, before.weights[:, order], "weights after permuting the words")

    attention = _attention(subject)
    for_all(st.tuples(_inputs(subject), seeds()), holds)


def determinism(subject: Subject) -> None:
    """In evaluation mode the same inputs give bitwise equal outputs, whatever torch's seed."""

    def holds(inputs: AttentionInputs) -> None:
        first, second = _attend(attention, inputs, seed=1), _attend(attention, inputs, seed=2)
        assert first.weights is not None and second.weights is not None  # noqa: S101, PT018
        equal = torch.equal(first.context, second.context) and torch.equal(first.weights, second.weights)
        require(equal, "outputs change with the seed of torch's global generator")

    attention = _attention(subject)
    for_all(_inputs(subject), holds)


def _attention(subject: Subject) -> Any:
    return in_eval_mode(subject.build())


def _inputs(subject: Subject) -> SearchStrategy[AttentionInputs]:
    spec = subject.spec()
    return attention_inputs(channels=spec.channels, width=spec.words)


@torch.no_grad()
def _attend(attention: Any, inputs: AttentionInputs, *, seed: int = 1) -> AttentionOutput:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        output: AttentionOutput = attention(*inputs, return_weights=True)
    require(output.weights is not None, "no weights are returned although return_weights is True")
    return output


def _weights(attention: Any, inputs: AttentionInputs) -> Tensor:
    weights = _attend(attention, inputs).weights
    assert weights is not None  # noqa: S101  (checked in _attend)
    return weights.float()


def _pixel_padding(inputs: AttentionInputs) -> Tensor:
    """The padding mask, to broadcast over pixels: b 1 1 l."""
    return inputs.text.padding[:, None, None].float()


def _lengths(inputs: AttentionInputs) -> list[int]:
    return [int(length) for length in inputs.text.lengths]


def _assert_close(actual: AttentionOutput, expected: AttentionOutput, what: str) -> None:
    assert actual.weights is not None and expected.weights is not None  # noqa: S101, PT018  (requested)
    assert_close(actual.context, expected.context, f"{what}: context")
    assert_close(actual.weights, expected.weights, f"{what}: weights")


def _require_shape(tensor: Tensor, expected: list[int], what: str) -> None:
    require(list(tensor.shape) == expected, f"{what} of shape {list(tensor.shape)}, expected {expected}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    weights_only_when_requested,
    weights_sum_to_one,
    padding_gets_no_weight,
    padded_positions_are_ignored,
    batch_invariance,
    word_order_equivariance,
    determinism,
)
