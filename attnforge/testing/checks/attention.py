"""What an attention promises: a mean of the real words of each image's own caption, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import Tensor

from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.testing.expect import for_all, require, same
from attnforge.testing.networks import quiet
from attnforge.testing.strategies import feature_maps, numbers, seeds, text_features
from attnforge.testing.subject import Subject


class Asked(NamedTuple):
    """What an attention is given."""

    features: Tensor
    text: TextFeatures


@st.composite
def asked(draw: DrawFn, *, channels: int, width: int) -> Asked:
    """Feature maps and the captions of as many images, of different lengths."""
    text = draw(text_features(width=width))
    return Asked(draw(feature_maps(channels=channels, batch=len(text.sentence))), text)


def shapes(subject: Subject) -> None:
    """The context is shaped as the features, and the weights have a map for every word."""

    def holds(given: Asked) -> None:
        output = _weighed(attention, given)
        batch, _, height, width = given.features.shape
        maps = [batch, given.text.words.shape[2], height, width]
        _shape(output.context, list(given.features.shape), "the context")
        assert output.weights is not None  # noqa: S101  (asked for)
        _shape(output.weights, maps, "the weights")

    attention = _attention(subject)
    for_all(_asked(subject), holds)


def weights_on_demand(subject: Subject) -> None:
    """Weights are given when they are asked for and are None otherwise, which changes no context."""

    def holds(given: Asked) -> None:
        plain = attention(*given)
        require(plain.weights is None, "it gives weights that nobody asked for")
        same(plain.context, _weighed(attention, given).context, "the context without weights")

    attention = _attention(subject)
    for_all(_asked(subject), holds)


def weights_sum_to_one(subject: Subject) -> None:
    """The weights of a pixel are not negative and sum to one over the words."""

    def holds(given: Asked) -> None:
        weights = _weights(attention, given)
        require(float(weights.min()) >= 0, f"a weight is {float(weights.min()):g}")
        total = weights.sum(dim=1)
        same(total, torch.ones_like(total), "the sum of a pixel's weights (image, row, column)")

    attention = _attention(subject)
    for_all(_asked(subject), holds)


def padding_gets_no_weight(subject: Subject) -> None:
    """A padded word gets exactly no weight."""

    def holds(given: Asked) -> None:
        on_padding = _weights(attention, given).movedim(1, -1) * _spread(given)
        most = float(on_padding.max())
        require(most == 0, f"padding gets a weight of {most:g} where captions have {_lengths(given)} words")

    attention = _attention(subject)
    for_all(_asked(subject), holds)


def padded_slots_have_no_influence(subject: Subject) -> None:
    """What the slots of padded words hold changes neither context nor weights."""

    def holds(drawn: tuple[Asked, int]) -> None:
        given, seed = drawn
        rubbish = 3 * numbers(*given.text.words.shape, seed=seed)
        words = torch.where(given.text.padding[:, None], rubbish, given.text.words)
        text = TextFeatures(words=words, sentence=given.text.sentence, padding=given.text.padding)
        _same(
            _weighed(attention, Asked(given.features, text)),
            _weighed(attention, given),
            "padded slots changed",
        )

    attention = _attention(subject)
    for_all(st.tuples(_asked(subject), seeds()), holds)


def each_caption_alone_as_in_a_batch(subject: Subject) -> None:
    """An image with its caption gives alone, without padding, what it gives in a batch."""

    def holds(given: Asked) -> None:
        together = _weighed(attention, given)
        for index, words in enumerate(_lengths(given)):
            text = TextFeatures(
                words=given.text.words[index : index + 1, :, :words],
                sentence=given.text.sentence[index : index + 1],
                padding=given.text.padding[index : index + 1, :words],
            )
            alone = _weighed(attention, Asked(given.features[index : index + 1], text))
            what = f"caption {index} of lengths {_lengths(given)} alone"
            same(alone.context[0], together.context[index], f"{what}: context")
            assert alone.weights is not None and together.weights is not None  # noqa: S101, PT018
            same(alone.weights[0], together.weights[index, :words], f"{what}: weights")

    attention = _attention(subject)
    for_all(_asked(subject), holds)


def order_of_words(subject: Subject) -> None:
    """Words in another order get the same weights in that order, and the context stays."""

    def holds(drawn: tuple[Asked, int]) -> None:
        given, seed = drawn
        full = torch.zeros_like(given.text.padding)  # without padding, so that only the order can matter
        order = torch.randperm(full.shape[1], generator=torch.Generator().manual_seed(seed))
        plain = TextFeatures(words=given.text.words, sentence=given.text.sentence, padding=full)
        turned = TextFeatures(words=plain.words[:, :, order], sentence=plain.sentence, padding=full)
        before = _weighed(attention, Asked(given.features, plain))
        after = _weighed(attention, Asked(given.features, turned))
        assert before.weights is not None and after.weights is not None  # noqa: S101, PT018
        same(after.context, before.context, "the context of words in another order")
        same(after.weights, before.weights[:, order], "the weights of words in another order")

    attention = _attention(subject)
    for_all(st.tuples(_asked(subject), seeds()), holds)


def determinism(subject: Subject) -> None:
    """In evaluation mode the same inputs give the same numbers to the bit, whatever torch's seed."""

    def holds(given: Asked) -> None:
        first, second = _weighed(attention, given, seed=1), _weighed(attention, given, seed=2)
        assert first.weights is not None and second.weights is not None  # noqa: S101, PT018
        equal = torch.equal(first.context, second.context) and torch.equal(first.weights, second.weights)
        require(equal, "the same inputs give other numbers when torch's generator has another seed")

    attention = _attention(subject)
    for_all(_asked(subject), holds)


def _attention(subject: Subject) -> Any:
    return quiet(subject.build())


def _asked(subject: Subject) -> SearchStrategy[Asked]:
    spec = subject.spec()
    return asked(channels=spec.channels, width=spec.words)


@torch.no_grad()
def _weighed(attention: Any, given: Asked, *, seed: int = 1) -> AttentionOutput:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        output: AttentionOutput = attention(*given, return_weights=True)
    require(output.weights is not None, "it gives no weights when asked for them")
    return output


def _weights(attention: Any, given: Asked) -> Tensor:
    weights = _weighed(attention, given).weights
    assert weights is not None  # noqa: S101  (required above)
    return weights.float()


def _spread(given: Asked) -> Tensor:
    """Padding at every pixel: b 1 1 l."""
    return given.text.padding[:, None, None].float()


def _lengths(given: Asked) -> list[int]:
    return [int(length) for length in given.text.lengths]


def _same(found: AttentionOutput, wanted: AttentionOutput, what: str) -> None:
    assert found.weights is not None and wanted.weights is not None  # noqa: S101, PT018  (asked for)
    same(found.context, wanted.context, f"{what}: context")
    same(found.weights, wanted.weights, f"{what}: weights")


def _shape(tensor: Tensor, wanted: list[int], what: str) -> None:
    require(list(tensor.shape) == wanted, f"{what} is {list(tensor.shape)}, not {wanted}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    weights_on_demand,
    weights_sum_to_one,
    padding_gets_no_weight,
    padded_slots_have_no_influence,
    each_caption_alone_as_in_a_batch,
    order_of_words,
    determinism,
)
