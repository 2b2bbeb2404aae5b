"""The word tokenizer: which words it finds, which ids they get, and what it remembers."""

from __future__ import annotations

import json
import random

import pytest
from attnforge_attngan.tokenizer import WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from attnforge.errors import DataError, RunError
from attnforge.interfaces import Tokenizer

BIRDS = ["A red bird, with RED wings.", "this bird is red", "a bird"]
captions = st.lists(st.text(max_size=30), min_size=1, max_size=8).filter(
    lambda lines: any(character.isalnum() for line in lines for character in line)
)


def fitted(lines: list[str], *, min_count: int = 1, max_size: int | None = None) -> WordTokenizer:
    tokenizer = WordTokenizer(min_count=min_count, max_size=max_size)
    tokenizer.fit(lines)
    return tokenizer


def test_it_is_a_tokenizer() -> None:
    assert isinstance(WordTokenizer(), Tokenizer)


def test_frequent_words_come_first_and_ties_by_alphabet() -> None:
    tokenizer = fitted(BIRDS)
    assert tokenizer.state()["words"] == ["bird", "red", "a", "is", "this", "wings", "with"]
    assert tokenizer.encode("Red-bird with wings!") == [2, 1, 7, 6]
    assert tokenizer.vocabulary_size == 8


def test_unknown_words_are_skipped_and_reported() -> None:
    tokenizer = fitted(BIRDS)
    assert tokenizer.tokens("a purple bird squawks") == ["a", "bird"]
    assert tokenizer.unknown("a purple bird squawks") == ["purple", "squawks"]
    assert tokenizer.encode("???") == []


def test_rare_words_and_words_beyond_the_limit_are_unknown() -> None:
    assert fitted(BIRDS, min_count=2).state()["words"] == ["bird", "red", "a"]
    assert fitted(BIRDS, max_size=2).state()["words"] == ["bird", "red"]


def test_captions_of_any_script_work() -> None:
    tokenizer = fitted(["Ein großer Vogel über Zürich", "красная птица", "赤い鳥"])
    assert tokenizer.unknown("GROSSER vogel ÜBER Zu\u0308rich, Красная птица! 赤い鳥") == ["grosser"]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A Bird-watcher's RED bird", ["a", "bird", "watcher", "s", "red", "bird"]),
        ("café au lait", ["caf", "au", "lait"]),
        ("cafe\u0301s", ["cafe", "s"]),
        ("the bird\ufffd\ufffds wing", ["the", "bird", "s", "wing"]),
        ("the bird\ufffds wing", ["the", "bird", "s", "wing"]),
        ("naïve_bird 2nd ñ", ["nave_bird", "2nd"]),
        ("\ufffd\ufffd\ufffd", []),
        ("птица 鳥 ½", []),
        ("Straße ﬁnch", ["strae", "nch"]),
        ("x²y", ["xy"]),
        ("  \t\n", []),
    ],
)
def test_letters_beyond_ascii_are_dropped_inside_words_as_officially(caption: str, words: list[str]) -> None:
    tokenizer = WordTokenizer(letters="ascii")
    tokenizer.fit([caption, "bird"])
    assert tokenizer.tokens(caption) == words


def test_words_of_nothing_else_are_reported_as_written() -> None:
    tokenizer = WordTokenizer(letters="ascii")
    assert tokenizer.unknown("café птица 鳥") == ["caf", "птица", "鳥"]
    tokenizer.fit(["café"])
    assert tokenizer.unknown("café птица 鳥") == ["птица", "鳥"]


def test_a_stored_vocabulary_brings_its_rule() -> None:
    official = WordTokenizer(letters="ascii")
    official.fit(["a café"])
    restored = WordTokenizer()
    restored.load_state(json.loads(json.dumps(official.state())))
    assert restored.tokens("the café") == ["caf"]
    assert restored.fingerprint == official.fingerprint
    other = WordTokenizer()
    other.load_state({"words": official.state()["words"]})
    assert other.tokens("the café") == []
    assert other.fingerprint != official.fingerprint


def test_captions_without_any_word_are_refused() -> None:
    with pytest.raises(DataError) as raised:
        fitted(["...", ""])
    assert raised.value.problems[0].code == "empty-vocabulary"


@pytest.mark.parametrize(
    "state", [{}, {"words": "bird"}, {"words": [1, 2]}, {"words": ["a"], "letters": "latin"}]
)
def test_a_foreign_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(RunError) as raised:
        WordTokenizer().load_state(state)
    assert raised.value.problems[0].code == "vocabulary-state"


@given(captions, st.randoms(use_true_random=False))
def test_the_order_of_captions_changes_nothing(lines: list[str], order: random.Random) -> None:
    shuffled = order.sample(lines, len(lines))
    assert fitted(lines).state() == fitted(shuffled).state()
    assert fitted(lines).fingerprint == fitted(shuffled).fingerprint


@given(captions, st.text(max_size=30))
def test_every_id_stands_for_a_token_within_the_vocabulary(lines: list[str], caption: str) -> None:
    tokenizer = fitted(lines)
    ids = tokenizer.encode(caption)
    assert len(ids) == len(tokenizer.tokens(caption))
    assert all(0 < number < tokenizer.vocabulary_size for number in ids)
    assert all(tokenizer.unknown(line) == [] for line in lines)


@given(captions)
def test_its_state_survives_json(lines: list[str]) -> None:
    tokenizer, restored = fitted(lines), WordTokenizer()
    restored.load_state(json.loads(json.dumps(tokenizer.state())))
    assert restored.fingerprint == tokenizer.fingerprint
    assert [restored.encode(line) for line in lines] == [tokenizer.encode(line) for line in lines]


def test_another_vocabulary_has_another_fingerprint() -> None:
    assert fitted(BIRDS).fingerprint != fitted(BIRDS, max_size=6).fingerprint
    assert fitted(["a b", "a"]).fingerprint != fitted(["a b", "b"]).fingerprint
