"""Captions without padding: the words of many captions concatenated, shortest caption first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Block:
    """Some captions of a batch, with r words in total."""

    captions: Int[Tensor, "c"]
    """Their indices in the batch."""
    groups: tuple[tuple[int, int], ...]
    """Consecutive captions of the same length, as (captions, length)."""
    caption_of_row: Int[Tensor, "r"]
    """The index in the batch of the caption of a row's word."""
    word_of_row: Int[Tensor, "r"]
    """The index of a row's word in its caption."""

    def rows(self, words: Float[Tensor, "t d l"]) -> Float[Tensor, "r d"]:
        """The words, without padding."""
        return words.transpose(1, 2)[self.caption_of_row, self.word_of_row].contiguous()

    def put_rows(self, rows: Float[Tensor, "r d"], words: Float[Tensor, "t d l"]) -> None:
        """Write rows back to the positions that `rows` reads."""
        words.transpose(1, 2)[self.caption_of_row, self.word_of_row] = rows.to(words.dtype)

    def split(self, rows: Tensor, dim: int = 0) -> Iterator[Tensor]:
        """Views of a tensor with a row per word: one per group, with captions and their words as axes."""
        start = 0
        for captions, length in self.groups:
            part = rows.narrow(dim, start, captions * length)
            yield part.unflatten(dim, (captions, length))  # type: ignore[no-untyped-call]
            start += captions * length


def block_of(captions: Sequence[int], lengths: Sequence[int], device: torch.device) -> Block:
    """The block of some captions, sorted by increasing length.

    Args:
        captions: Indices in the batch.
        lengths: The lengths of the whole batch.
        device: Where the words are.
    """
    own_lengths = [lengths[caption] for caption in captions]
    groups = tuple((len(list(same)), length) for length, same in groupby(own_lengths))
    counts = torch.tensor(own_lengths, device=device)
    indices = torch.tensor(captions, device=device)
    ends = counts.cumsum(0)
    caption_of_row = indices.repeat_interleave(counts)
    word_of_row = torch.arange(len(caption_of_row), device=device) - (ends - counts).repeat_interleave(counts)
    return Block(indices, groups, caption_of_row, word_of_row)


def blocks_of(lengths: Sequence[int], *, rows: int, device: torch.device) -> list[Block]:
    """All captions of a batch, in blocks of about the same number of words.

    Args:
        lengths: How many words each caption has.
        rows: Maximum words of a block; a longer caption is a block of its own.
        device: Where the words are.
    """
    blocks: list[Block] = []
    current: list[int] = []
    count = 0
    for caption in sorted(range(len(lengths)), key=lengths.__getitem__):
        if current and count + lengths[caption] > rows:
            blocks.append(block_of(current, lengths, device))
            current, count = [], 0
        current.append(caption)
        count += lengths[caption]
    if current:
        blocks.append(block_of(current, lengths, device))
    return blocks
