"""What a text encoder promises: word vectors and a sentence vector for each caption, whatever the padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from attnforge.interfaces import TextFeatures
from attnforge.testing.expect import assert_close, for_all, require
from attnforge.testing.networks import in_eval_mode
from attnforge.testing.strategies import seeds, token_batches
from attnforge.testing.subject import Subject

Tokens = tuple[Tensor, Tensor]
"""Token ids (b l) and lengths (b)."""
MAX_IDS = 500
"""How many ids of a large vocabulary are checked."""


def shapes(subject: Subject) -> None:
    """Words are b d l, sentences b d and the padding b l, where d is the encoder's `dim`."""

    def holds(captions: Tokens) -> None:
        text = _encode(encoder, *captions)
        batch, longest = captions[0].shape
        expected = {"words": [batch, encoder.dim, longest], "sentence": [batch, encoder.dim]}
        for name, shape in {**expected, "padding": [batch, longest]}.items():
            actual = list(getattr(text, name).shape)
            require(actual == shape, f"{name} has shape {actual}, expected {shape}")

    encoder = in_eval_mode(subject.build())
    for_all(_tokens(subject), holds)


def padding_mask(subject: Subject) -> None:
    """`padding` is true exactly at the positions after a caption's last word."""

    def holds(captions: Tokens) -> None:
        tokens, lengths = captions
        expected = torch.arange(tokens.shape[1]) >= lengths[:, None]
        actual = _encode(encoder, *captions).padding
        require(actual.dtype == torch.bool, f"padding is {actual.dtype}, not torch.bool")
        assert_close(actual, expected, f"padding of captions of {lengths.tolist()} words")

    encoder = in_eval_mode(subject.build())
    for_all(_tokens(subject), holds)


def padded_tokens_are_ignored(subject: Subject) -> None:
    """The ids at padded positions change neither words nor sentences."""

    def holds(example: tuple[Tokens, int]) -> None:
        (tokens, lengths), seed = example
        random_ids = torch.randint(
            1, subject.spec().vocabulary_size, tokens.shape, generator=torch.Generator().manual_seed(seed)
        )
        other = torch.where(torch.arange(tokens.shape[1]) >= lengths[:, None], random_ids, tokens)
        _assert_close(
            _encode(encoder, other, lengths),
            _encode(encoder, tokens, lengths),
            lengths,
            "padded ids replaced by random ids",
        )

    encoder = in_eval_mode(subject.build())
    for_all(st.tuples(_tokens(subject), seeds()), holds)


def extra_padding_is_ignored(subject: Subject) -> None:
    """Captions padded to a greater length have the same words and sentences."""

    def holds(captions: Tokens) -> None:
        tokens, lengths = captions
        wider, columns = _encode(encoder, F.pad(tokens, (0, 3)), lengths), tokens.shape[1] + 3
        widths = [wider.words.shape[2], wider.padding.shape[1]]
        require(
            widths == [columns] * 2,
            f"{columns} token ids per caption give words and padding of lengths {widths}",
        )
        _assert_close(wider, _encode(encoder, tokens, lengths), lengths, "padded by three more tokens")

    encoder = in_eval_mode(subject.build())
    for_all(_tokens(subject), holds)


def batch_invariance(subject: Subject) -> None:
    """In evaluation mode a caption has the same features alone, without padding, as in a batch."""

    def holds(captions: Tokens) -> None:
        tokens, lengths = captions
        together = _encode(encoder, tokens, lengths)
        for index, length in enumerate(lengths.tolist()):
            alone = _encode(encoder, tokens[index : index + 1, :length], lengths[index : index + 1])
            what = f"caption {index} of lengths {lengths.tolist()} alone"
            assert_close(alone.sentence[0], together.sentence[index], f"{what}: sentence")
            assert_close(alone.words[0], together.words[index, :, :length], f"{what}: words")

    encoder = in_eval_mode(subject.build())
    for_all(_tokens(subject), holds)


def accepts_every_token_id(subject: Subject) -> None:
    """Every token id of the vocabulary is accepted and has finite vectors."""
    encoder, size = in_eval_mode(subject.build()), subject.spec().vocabulary_size
    ids = torch.linspace(0, size - 1, min(size, MAX_IDS)).long()  # evenly spaced, the last one included
    text = _encode(encoder, ids[:, None], torch.ones(len(ids), dtype=torch.long))
    require(bool(torch.isfinite(text.words).all()), "a token id has word vectors that are not finite")
    require(bool(torch.isfinite(text.sentence).all()), "a token id has a sentence vector that is not finite")


def depends_on_words(subject: Subject) -> None:
    """Word and sentence vectors depend on the words."""
    encoder = in_eval_mode(subject.build())
    lengths = torch.tensor([3, 3])
    text = _encode(encoder, torch.tensor([[1, 2, 1], [2, 1, 2]]), lengths)
    require(not torch.equal(text.words[0], text.words[1]), "different words have the same vectors")
    require(
        not torch.equal(text.sentence[0], text.sentence[1]),
        "captions of different words have the same sentence vector",
    )


def _tokens(subject: Subject) -> SearchStrategy[Tokens]:
    return token_batches(vocabulary_size=subject.spec().vocabulary_size)


@torch.no_grad()
def _encode(encoder: Any, tokens: Tensor, lengths: Tensor) -> TextFeatures:
    text: TextFeatures = encoder(tokens, lengths)
    return text


def _assert_close(actual: TextFeatures, expected: TextFeatures, lengths: Tensor, what: str) -> None:
    assert_close(actual.sentence, expected.sentence, f"{what}: sentence")
    for index, length in enumerate(lengths.tolist()):
        word_vectors = actual.words[index, :, :length]
        assert_close(word_vectors, expected.words[index, :, :length], f"{what}: words of caption {index}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    padding_mask,
    padded_tokens_are_ignored,
    extra_padding_is_ignored,
    batch_invariance,
    accepts_every_token_id,
    depends_on_words,
)
