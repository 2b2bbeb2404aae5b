"""Wrong captions that differ from right ones by two words."""

from __future__ import annotations

import torch
from attnforge_attngan.swaps import swap_words
from hypothesis import given
from hypothesis import strategies as st

CAPTIONS = ["a red bird with blue wings", "a blue bird with red wings", "a red bird"]


def encoded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for line, row in zip(tokens, rows, strict=True):
        line[: len(row)] = torch.tensor(row)
    return tokens, lengths


def neighbours(row: list[int]) -> set[tuple[int, int]]:
    return set(zip([0, *row], [*row, 0], strict=True))


def test_colours_change_places() -> None:
    words = sorted({word for caption in CAPTIONS for word in caption.split()})
    tokens, lengths = encoded([[words.index(word) + 1 for word in caption.split()] for caption in CAPTIONS])
    swapped, changed = swap_words(tokens, lengths)
    texts = [
        " ".join(words[token - 1] for token in row[:length])
        for row, length in zip(swapped.tolist(), lengths.tolist(), strict=True)
    ]
    assert texts == ["a blue bird with red wings", "a red bird with blue wings", "a red bird"]
    assert changed.tolist() == [True, True, False]


@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=8), min_size=1, max_size=5))
def test_a_swap_changes_two_places_and_makes_only_neighbours_of_the_batch(rows: list[list[int]]) -> None:
    tokens, lengths = encoded(rows)
    swapped, changed = swap_words(tokens, lengths)
    known = set().union(*(neighbours(row) for row in rows))
    for before, after, moved, length in zip(
        tokens.tolist(), swapped.tolist(), changed.tolist(), lengths.tolist(), strict=True
    ):
        different = [i for i in range(len(before)) if before[i] != after[i]]
        assert len(different) == (2 if moved else 0)
        assert sorted(before) == sorted(after)
        assert neighbours(after[:length]) <= known
