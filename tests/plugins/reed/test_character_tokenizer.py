"""The character tokenizer: its alphabet, what it leaves out, and what it remembers."""

from __future__ import annotations

import json
import string

import pytest
from attnforge_reed.characters import CharacterTokenizer
from hypothesis import given
from hypothesis import strategies as st

from attnforge.errors import DataError, RunError
from attnforge.interfaces import Tokenizer

KNOWN = string.ascii_lowercase + string.digits + string.punctuation + " "


def test_the_alphabet_has_seventy_ids_with_padding() -> None:
    tokenizer = CharacterTokenizer()
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.vocabulary_size == 70
    assert sorted(tokenizer.encode(f"a{KNOWN}a".replace(" ", " "))[1:-1]) == list(range(1, 70))


def test_capitals_and_white_space_are_evened_out() -> None:
    tokenizer = CharacterTokenizer()
    assert "".join(tokenizer.tokens("  A\tRED\n\n bird! ")) == "a red bird!"
    assert tokenizer.encode("A  Red") == tokenizer.encode("a red")


def test_other_characters_are_skipped_and_reported() -> None:
    tokenizer = CharacterTokenizer()
    assert "".join(tokenizer.tokens("ein grüner ж Vogel")) == "ein grner vogel"
    assert tokenizer.unknown("ein grüner ж Vogel") == ["ü", "ж"]
    assert tokenizer.encode("жж ж") == []


def test_further_characters_can_be_known() -> None:
    tokenizer = CharacterTokenizer(extra="ÄÖ ü a")
    assert tokenizer.vocabulary_size == 73
    assert "".join(tokenizer.tokens("u\u0308BER Äste")) == "über äste"
    assert tokenizer.fingerprint != CharacterTokenizer().fingerprint


def test_captions_without_known_characters_are_refused() -> None:
    with pytest.raises(DataError) as raised:
        CharacterTokenizer().fit(["птица", "  "])
    assert raised.value.problems[0].code == "empty-vocabulary"
    CharacterTokenizer().fit(["птица", "bird"])


@pytest.mark.parametrize("state", [{}, {"characters": "abc"}, {"characters": ["ab"]}, {"characters": [1]}])
def test_a_foreign_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(RunError) as raised:
        CharacterTokenizer().load_state(state)
    assert raised.value.problems[0].code == "vocabulary-state"


@given(st.text(KNOWN, max_size=60))
def test_the_tokens_of_known_characters_are_the_caption(caption: str) -> None:
    tokens = CharacterTokenizer().tokens(caption)
    assert "".join(tokens) == " ".join(caption.split())
    assert CharacterTokenizer().unknown(caption) == []


@given(st.text(max_size=40), st.text(max_size=5))
def test_every_id_stands_for_a_token_and_survives_json(caption: str, extra: str) -> None:
    tokenizer, restored = CharacterTokenizer(extra=extra), CharacterTokenizer()
    ids = tokenizer.encode(caption)
    assert len(ids) == len(tokenizer.tokens(caption))
    assert all(0 < number < tokenizer.vocabulary_size for number in ids)
    assert tokenizer.encode("".join(tokenizer.tokens(caption))) == ids
    restored.load_state(json.loads(json.dumps(tokenizer.state())))
    assert restored.encode(caption) == ids
    assert restored.fingerprint == tokenizer.fingerprint
