"""A recipe that would cut captions to a few characters or pieces is refused, and told what to write."""

from __future__ import annotations

import pytest

from attnforge.errors import Problem, RecipeError
from attnforge.recipe import resolve

CHARACTERS = ("tokenizer=character", "text={use: char-cnn-rnn, dim: 16, channels: [8, 8, 8]}")
PIECES = ("tokenizer={use: sentencepiece, vocabulary_size: 60}",)


def problems(*overrides: str) -> list[Problem]:
    with pytest.raises(RecipeError) as raised:
        resolve("quickstart", overrides=overrides)
    return list(raised.value.problems)


def test_every_phase_that_keeps_eighteen_characters_is_named_with_what_to_write() -> None:
    found = problems(*CHARACTERS)
    assert [problem.code for problem in found] == ["few-tokens"] * 2
    assert "phases.damsm keeps 18 characters" in found[0].message
    assert [problem.expected for problem in found] == [
        "phases.damsm.max_words=201",
        "phases.gan.max_words=201",
    ]
    assert all(problem.place is not None for problem in found)


def test_what_is_expected_is_what_the_encoder_reads_and_is_accepted() -> None:
    narrow = "text={use: char-cnn-rnn, dim: 16, channels: [8, 8, 8], characters: 75}"
    expected = [problem.expected for problem in problems(CHARACTERS[0], narrow)]
    assert expected == ["phases.damsm.max_words=75", "phases.gan.max_words=75"]
    assert resolve("quickstart", overrides=[CHARACTERS[0], narrow, *map(str, expected)])


def test_pieces_need_fewer() -> None:
    (found,) = problems(*PIECES, "phases.damsm.max_words=20", "phases.gan.max_words=19")
    assert (found.code, found.expected) == ("few-tokens", "phases.gan.max_words=40")
    assert str(found.place).startswith("command line")
    assert resolve(
        "quickstart", overrides=[*PIECES, *(f"phases.{one}.max_words=20" for one in ("damsm", "gan"))]
    )


def test_measuring_is_looked_at_too() -> None:
    long = [f"phases.{one}.max_words=201" for one in ("damsm", "gan")]
    (found,) = problems(*CHARACTERS, *long, "evaluation.max_words=20")
    assert found.expected == "evaluation.max_words=201"


def test_words_are_what_they_are() -> None:
    assert resolve("quickstart", overrides=["phases.gan.max_words=3"])
