"""The SentencePiece tokenizer: what it learns, what it leaves out, and what it remembers."""

from __future__ import annotations

import json
import pickle
import random

import pytest
from attnforge_encoders.sentencepiece import SentencePieceTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from attnforge.errors import DataError, RecipeError, RunError
from attnforge.interfaces import Tokenizer

BIRDS = [
    "this bird has red wings and a blue crown",
    "a small yellow bird with a black beak",
    "the bird is green and has a long tail",
]
MODELS = ["bpe", "unigram"]
MARKS = "\u2581\u2585"
captions = st.lists(st.text(max_size=30), min_size=1, max_size=8).filter(
    lambda lines: any(character.isalnum() for line in lines for character in line)
)


def fitted(lines: list[str], *, model: str = "bpe", vocabulary_size: int = 400) -> SentencePieceTokenizer:
    tokenizer = SentencePieceTokenizer(vocabulary_size=vocabulary_size, model=model)  # type: ignore[arg-type]
    tokenizer.fit(lines)
    return tokenizer


def joined(tokens: list[str]) -> str:
    return "".join(tokens).replace("\u2581", " ").strip()


def test_it_is_a_tokenizer() -> None:
    assert isinstance(SentencePieceTokenizer(), Tokenizer)


def test_frequent_words_stay_whole_and_new_words_are_spelled() -> None:
    tokenizer = fitted(BIRDS)
    assert tokenizer.tokens("A Bird") == ["\u2581a", "\u2581bird"]
    assert joined(tokenizer.tokens("a reddish wing")) == "a reddish wing"
    assert tokenizer.unknown("a reddish wing") == []


@pytest.mark.parametrize("model", MODELS)
def test_unknown_characters_are_skipped_with_the_mark_of_their_word(model: str) -> None:
    tokenizer = fitted(BIRDS, model=model)
    assert joined(tokenizer.tokens("a жук bird")) == "a bird"
    assert "".join(tokenizer.unknown("a жук bird")) == "жук"
    assert tokenizer.encode("жук") == tokenizer.encode("") == []


@pytest.mark.parametrize("model", MODELS)
def test_a_vocabulary_is_no_larger_than_asked(model: str) -> None:
    assert fitted(BIRDS, model=model, vocabulary_size=32).vocabulary_size <= 32
    assert fitted(BIRDS, model=model, vocabulary_size=4000).vocabulary_size < 200


def test_room_for_every_character_is_needed_and_said_exactly() -> None:
    letters = len(set("".join(BIRDS)) | {" "})
    with pytest.raises(RecipeError) as raised:
        fitted(BIRDS, vocabulary_size=letters + 1)
    assert raised.value.problems[0].code == "vocabulary-size"
    assert str(letters + 2) in str(raised.value.problems[0].expected)
    assert fitted(BIRDS, vocabulary_size=letters + 2).vocabulary_size == letters + 2


@pytest.mark.parametrize("lines", [[], ["", "  \n"], [MARKS]])
def test_captions_without_characters_are_refused(lines: list[str]) -> None:
    with pytest.raises(DataError) as raised:
        fitted(lines)
    assert raised.value.problems[0].code == "empty-vocabulary"


@pytest.mark.parametrize(
    "state",
    [{}, {"sentencepiece": 3}, {"sentencepiece": "!"}, {"sentencepiece": ""}, {"sentencepiece": "YWJj"}],
)
def test_a_foreign_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(RunError) as raised:
        SentencePieceTokenizer().load_state(state)
    assert raised.value.problems[0].code == "vocabulary-state"


def test_captions_of_any_length_are_learned_from() -> None:
    long = " ".join(["wing"] * 2000) + " q"
    assert joined(fitted([long]).tokens("q")) == "q"


def test_it_travels_to_workers() -> None:
    tokenizer = fitted(BIRDS)
    assert pickle.loads(pickle.dumps(tokenizer)).encode(BIRDS[0]) == tokenizer.encode(BIRDS[0])


def test_another_vocabulary_has_another_fingerprint() -> None:
    assert len({fitted(BIRDS).fingerprint, fitted(BIRDS[:2]).fingerprint}) == 2
    assert len({fitted(BIRDS, model=model).fingerprint for model in MODELS}) == 2


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=25)
@given(lines=captions, order=st.randoms(use_true_random=False))
def test_the_order_of_captions_changes_nothing(model: str, lines: list[str], order: random.Random) -> None:
    shuffled = order.sample(lines, len(lines))
    assert fitted(lines, model=model).state() == fitted(shuffled, model=model).state()


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=25)
@given(lines=captions, caption=st.text(max_size=30))
def test_every_id_stands_for_a_token_within_the_vocabulary(
    model: str, lines: list[str], caption: str
) -> None:
    tokenizer = fitted(lines, model=model)
    ids = tokenizer.encode(caption)
    assert len(ids) == len(tokenizer.tokens(caption))
    assert all(1 < number < tokenizer.vocabulary_size for number in ids)
    assert all(tokenizer.unknown(line) == [] for line in lines)


@settings(max_examples=50)
@given(st.lists(st.text("abcdefgh ä鳥", max_size=20), min_size=1, max_size=6))
def test_the_tokens_of_learned_captions_are_the_captions(lines: list[str]) -> None:
    tokenizer = fitted(["bird", *lines])
    for line in lines:
        assert joined(tokenizer.tokens(line)) == " ".join(line.split())


@settings(max_examples=25)
@given(captions)
def test_its_state_survives_json(lines: list[str]) -> None:
    tokenizer, restored = fitted(lines), SentencePieceTokenizer()
    restored.load_state(json.loads(json.dumps(tokenizer.state())))
    assert restored.fingerprint == tokenizer.fingerprint
    assert restored.vocabulary_size == tokenizer.vocabulary_size
    assert [restored.encode(line) for line in lines] == [tokenizer.encode(line) for line in lines]
