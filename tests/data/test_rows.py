"""Columns hold what lists of rows would, in memory that no reader changes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnforge.data.all_captions import AllCaptions
from attnforge.data.checks.words import word_counts, words
from attnforge.data.reading.rows import Row, Rows
from attnforge.data.reading.text_column import TextColumn
from attnforge.data.shards.columns_file import columns_of, rows_of

TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)
"""Of all characters, lone surrogates included, which file names may have."""
BOXES = st.tuples(*[st.floats(-1e5, 1e5)] * 2, *[st.floats(0.5, 1e5)] * 2)
ROWS = st.lists(
    st.builds(
        Row,
        file_name=TEXTS,
        captions=st.lists(TEXTS, min_size=1, max_size=4).map(tuple),
        class_id=st.none() | st.integers(0, 2**63 - 1),
        box=st.none() | BOXES,
        split=st.none() | st.sampled_from(("train", "test")),
        line=st.none() | st.integers(1, 10**6),
        source=st.none() | st.sampled_from((Path("a"), Path("b"))),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=30))
def test_a_column_is_a_sequence_of_its_texts(texts: list[str]) -> None:
    column = TextColumn.of(texts)
    assert [*column] == texts
    assert [column[index] for index in range(len(column))] == texts
    assert (column[1:3], column[::2], column[::-1]) == tuple(
        map(tuple, (texts[1:3], texts[::2], texts[::-1]))
    )
    assert [*pickle.loads(pickle.dumps(column))] == texts
    for index in (len(texts), -len(texts) - 1):
        with pytest.raises(IndexError):
            column[index]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 12))
def test_columns_hold_the_rows_joined_stored_and_pickled(rows: list[Row], cut: int) -> None:
    assert [*Rows.of(rows)] == rows
    joined = Rows.joined([Rows.of(rows[:cut]), Rows.of(rows[cut:])])
    assert [*joined] == rows
    assert [*pickle.loads(pickle.dumps(joined))] == rows
    for split in ("train", "test"):
        assert joined.of_split(split).tolist() == [i for i, row in enumerate(rows) if row.split == split]
        assert joined.split_counts()[split] == len(joined.of_split(split))


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_stored_columns_hold_the_rows_without_their_sources(rows: list[Row]) -> None:
    stored = rows_of(columns_of(Rows.of(rows)), source=Path("x"))
    assert [*stored.file_names] == [row.file_name for row in rows]
    assert [stored.captions_of(index) for index in range(len(rows))] == [row.captions for row in rows]
    assert [stored.box(index) for index in range(len(rows))] == [row.box for row in rows]


def test_more_texts_than_a_block_are_all_there() -> None:
    texts = [f"{number} é" if number % 3 else str(number) for number in range(10_000)]
    assert [*TextColumn.of(texts)] == texts


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=600))
def test_words_counted_in_blocks_are_those_of_each_caption(captions: list[str]) -> None:
    counts = word_counts(captions)
    assert sorted(counts.elements()) == sorted(word for caption in captions for word in words(caption))


class Captions:
    """Images with these captions."""

    def __init__(self, texts: list[list[str]]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def captions(self, index: int) -> list[str]:
        return self.texts[index]

    def class_id(self, index: int) -> int:
        return index

    def sample(self, index: int, *, seed: int) -> object:
        raise AssertionError("no image is needed")


def test_all_captions_are_a_sequence() -> None:
    captions = AllCaptions(Captions([["a", "b"], ["c"], ["d", "e", "f"]]))  # type: ignore[arg-type]
    assert [*captions] == [captions[index] for index in range(len(captions))] == [*"abcdef"]
    assert (captions[-1], captions[1:3]) == ("f", ("b", "c"))
