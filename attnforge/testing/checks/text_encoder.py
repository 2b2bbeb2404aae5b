"""What a text encoder promises: a vector for every word and one for the caption, whatever stands beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from attnforge.interfaces import TextFeatures
from attnforge.testing.expect import for_all, require, same
from attnforge.testing.networks import quiet
from attnforge.testing.strategies import seeds, token_batches
from attnforge.testing.subject import Subject

Tokens = tuple[Tensor, Tensor]
"""Token ids and lengths."""
MOST_IDS = 500


def shapes(subject: Subject) -> None:
    """Words are b d l, sentences b d and the padding b l, with `dim` for d."""

    def holds(given: Tokens) -> None:
        text = _read(encoder, *given)
        batch, longest = given[0].shape
        wanted = {"words": [batch, encoder.dim, longest], "sentence": [batch, encoder.dim]}
        for name, shape in {**wanted, "padding": [batch, longest]}.items():
            found = list(getattr(text, name).shape)
            require(found == shape, f"{name} are {found}, not {shape}")

    encoder = quiet(subject.build())
    for_all(_tokens(subject), holds)


def padding_mask(subject: Subject) -> None:
    """`padding` is true exactly beyond a caption's length."""

    def holds(given: Tokens) -> None:
        tokens, lengths = given
        wanted = torch.arange(tokens.shape[1]) >= lengths[:, None]
        found = _read(encoder, *given).padding
        require(found.dtype == torch.bool, f"padding has the type {found.dtype}")
        same(found, wanted, f"the padding of captions of {lengths.tolist()} words")

    encoder = quiet(subject.build())
    for_all(_tokens(subject), holds)


def padded_tokens_have_no_influence(subject: Subject) -> None:
    """What ids stand in padded slots changes neither words nor sentences."""

    def holds(drawn: tuple[Tokens, int]) -> None:
        (tokens, lengths), seed = drawn
        rubbish = torch.randint(
            1, subject.spec().vocabulary_size, tokens.shape, generator=torch.Generator().manual_seed(seed)
        )
        other = torch.where(torch.arange(tokens.shape[1]) >= lengths[:, None], rubbish, tokens)
        _same_words(
            _read(encoder, other, lengths), _read(encoder, tokens, lengths), lengths, "padded ids changed"
        )

    encoder = quiet(subject.build())
    for_all(st.tuples(_tokens(subject), seeds()), holds)


def longer_padding_changes_nothing(subject: Subject) -> None:
    """Captions padded to a greater length give the same words and sentences."""

    def holds(given: Tokens) -> None:
        tokens, lengths = given
        wider, columns = _read(encoder, F.pad(tokens, (0, 3)), lengths), tokens.shape[1] + 3
        found = [wider.words.shape[2], wider.padding.shape[1]]
        require(found == [columns] * 2, f"{columns} columns of ids give {found} of words and padding")
        _same_words(wider, _read(encoder, tokens, lengths), lengths, "padded by three more")

    encoder = quiet(subject.build())
    for_all(_tokens(subject), holds)


def each_caption_alone_as_in_a_batch(subject: Subject) -> None:
    """In evaluation mode a caption gives alone, without padding, what it gives in a batch."""

    def holds(given: Tokens) -> None:
        tokens, lengths = given
        together = _read(encoder, tokens, lengths)
        for index, length in enumerate(lengths.tolist()):
            alone = _read(encoder, tokens[index : index + 1, :length], lengths[index : index + 1])
            what = f"caption {index} of lengths {lengths.tolist()} alone"
            same(alone.sentence[0], together.sentence[index], f"{what}: sentence")
            same(alone.words[0], together.words[index, :, :length], f"{what}: words")

    encoder = quiet(subject.build())
    for_all(_tokens(subject), holds)


def every_id_is_read(subject: Subject) -> None:
    """Every id of the vocabulary can be read and gives finite vectors."""
    encoder, size = quiet(subject.build()), subject.spec().vocabulary_size
    ids = torch.linspace(0, size - 1, min(size, MOST_IDS)).long()  # of a large vocabulary some, the last too
    text = _read(encoder, ids[:, None], torch.ones(len(ids), dtype=torch.long))
    require(bool(torch.isfinite(text.words).all()), "an id gives vectors that are not finite")
    require(bool(torch.isfinite(text.sentence).all()), "an id gives sentences that are not finite")


def words_matter(subject: Subject) -> None:
    """Other words give other word vectors and another sentence."""
    encoder = quiet(subject.build())
    lengths = torch.tensor([3, 3])
    text = _read(encoder, torch.tensor([[1, 2, 1], [2, 1, 2]]), lengths)
    require(not torch.equal(text.words[0], text.words[1]), "other words have the same vectors")
    require(not torch.equal(text.sentence[0], text.sentence[1]), "other words make the same sentence")


def _tokens(subject: Subject) -> SearchStrategy[Tokens]:
    return token_batches(vocabulary_size=subject.spec().vocabulary_size)


@torch.no_grad()
def _read(encoder: Any, tokens: Tensor, lengths: Tensor) -> TextFeatures:
    text: TextFeatures = encoder(tokens, lengths)
    return text


def _same_words(found: TextFeatures, wanted: TextFeatures, lengths: Tensor, what: str) -> None:
    same(found.sentence, wanted.sentence, f"{what}: sentence")
    for index, length in enumerate(lengths.tolist()):
        ours, theirs = found.words[index, :, :length], wanted.words[index, :, :length]
        same(ours, theirs, f"{what}: words of caption {index}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    padding_mask,
    padded_tokens_have_no_influence,
    longer_padding_changes_nothing,
    each_caption_alone_as_in_a_batch,
    every_id_is_read,
    words_matter,
)
