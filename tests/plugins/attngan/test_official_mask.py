"""`mask: official` hides what the official code hides, and the default hides what it should."""

from __future__ import annotations

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from torch import Tensor

from attnforge.interfaces import TextFeatures
from attnforge.specs import AttentionSpec

LENGTHS = (5, 2, 3)


def case(lengths: tuple[int, ...]) -> tuple[Tensor, TextFeatures]:
    generator = torch.Generator().manual_seed(3)
    batch, longest = len(lengths), max(lengths)
    padding = torch.arange(longest) >= torch.tensor(lengths)[:, None]
    words = torch.randn(batch, 6, longest, generator=generator).masked_fill(padding[:, None], 0)
    features = torch.randn(batch, 4, 3, 5, generator=generator)
    return features, TextFeatures(words, words.sum(dim=2), padding)


def attention(mask: str) -> WordAttention:
    torch.manual_seed(0)
    return WordAttention(AttentionSpec(channels=4, words=6), mask=mask)  # type: ignore[arg-type]


def row_by_row(block: WordAttention, features: Tensor, text: TextFeatures) -> tuple[Tensor, Tensor]:
    """The official computation, one row of its score matrix after the other."""
    batch, channels, height, width = features.shape
    projected = block.project(text.words)
    context = torch.zeros(batch * height * width, channels)
    weights = torch.zeros(batch * height * width, text.words.shape[2])
    for row in range(batch * height * width):
        image, pixel = divmod(row, height * width)
        asking = features[image, :, pixel // width, pixel % width]
        scores = [float(asking @ word) for word in projected[image].T]
        hidden = text.padding[row % batch]
        scores = [-float("inf") if one else score for score, one in zip(scores, hidden, strict=True)]
        weights[row] = torch.tensor(scores).softmax(dim=0)
        for share, word in zip(weights[row], projected[image].T, strict=True):
            context[row] += share * word
    shape = (batch, height, width, -1)
    return context.reshape(shape).movedim(-1, 1), weights.reshape(shape).movedim(-1, 1)


@torch.no_grad()
def test_the_official_mask_is_that_of_the_official_rows() -> None:
    features, text = case(LENGTHS)
    block = attention("official")
    output = block(features, text, return_weights=True)
    context, weights = row_by_row(block, features, text)
    torch.testing.assert_close(output.context, context)
    assert output.weights is not None
    torch.testing.assert_close(output.weights, weights)
    assert (output.weights.movedim(1, -1)[text.padding[:, None, None].expand(-1, 3, 5, -1)] > 0).any()


@torch.no_grad()
def test_the_default_hides_each_captions_own_padding() -> None:
    features, text = case(LENGTHS)
    output = attention("per-caption")(features, text, return_weights=True)
    assert output.weights is not None
    assert not output.weights.movedim(1, -1)[text.padding[:, None, None].expand(-1, 3, 5, -1)].any()
    official = attention("official")(features, text)
    assert not torch.allclose(official.context, output.context)


@torch.no_grad()
@pytest.mark.parametrize("lengths", [(4,), (3, 3, 3)])
def test_both_masks_are_the_same_for_one_caption_or_captions_of_one_length(lengths: tuple[int, ...]) -> None:
    features, text = case(lengths)
    one, other = (
        attention(mask)(features, text, return_weights=True) for mask in ("official", "per-caption")
    )
    torch.testing.assert_close(one.context, other.context)
    torch.testing.assert_close(one.weights, other.weights)
