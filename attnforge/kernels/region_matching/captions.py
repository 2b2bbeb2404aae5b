"""Captions without their padding: the words of many captions one below the other, shortest caption first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Block:
    """Some captions of a batch, r words altogether."""

    captions: Int[Tensor, "c"]
    """Their places in the batch."""
    groups: tuple[tuple[int, int], ...]
    """How many captions of which length follow one another, as (captions, length)."""
    caption_of_row: Int[Tensor, "r"]
    """The place in the batch of the caption that a row's word belongs to."""
    word_of_row: Int[Tensor, "r"]
    """Which word of its caption a row is."""

    def rows(self, words: Float[Tensor, "t d l"]) -> Float[Tensor, "r d"]:
        """The words, without padding."""
        return words.transpose(1, 2)[self.caption_of_row, self.word_of_row].contiguous()

    def put_rows(self, rows: Float[Tensor, "r d"], words: Float[Tensor, "t d l"]) -> None:
        """Write rows to where `rows` reads them."""
        words.transpose(1, 2)[self.caption_of_row, self.word_of_row] = rows.to(words.dtype)

    def split(self, rows: Tensor, dim: int = 0) -> Iterator[Tensor]:
        """Views of something that has a row a word: one a group, with captions and their words as axes."""
        start = 0
        for captions, length in self.groups:
            part = rows.narrow(dim, start, captions * length)
            yield part.unflatten(dim, (captions, length))  # type: ignore[no-untyped-call]
            start += captions * length


def block_of(captions: Sequence[int], lengths: Sequence[int], device: torch.device) -> Block:
    """The block of some captions, whose lengths must not fall from one to the next.

    Args:
        captions: Places in the batch.
        lengths: The lengths of the whole batch.
        device: Where the words are.
    """
    own = [lengths[caption] for caption in captions]
    groups = tuple((len(list(same)), length) for length, same in groupby(own))
    counts = torch.tensor(own, device=device)
    places = torch.tensor(captions, device=device)
    ends = counts.cumsum(0)
    caption_of_row = places.repeat_interleave(counts)
    word_of_row = torch.arange(len(caption_of_row), device=device) - (ends - counts).repeat_interleave(counts)
    return Block(places, groups, caption_of_row, word_of_row)


def blocks_of(lengths: Sequence[int], *, rows: int, device: torch.device) -> list[Block]:
    """All captions of a batch, in blocks of about as many words.

    Args:
        lengths: How many words each caption has.
        rows: How many words a block may have; a longer caption is a block of its own.
        device: Where the words are.
    """
    blocks: list[Block] = []
    current: list[int] = []
    held = 0
    for caption in sorted(range(len(lengths)), key=lengths.__getitem__):
        if current and held + lengths[caption] > rows:
            blocks.append(block_of(current, lengths, device))
            current, held = [], 0
        current.append(caption)
        held += lengths[caption]
    if current:
        blocks.append(block_of(current, lengths, device))
    return blocks
