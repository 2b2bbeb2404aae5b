"""What a word is in every script: letters, digits and marks stay together, and English is as ever."""

from __future__ import annotations

import re
import unicodedata

import pytest
from attnforge_attngan.tokenizer import WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from attnforge.data.checks.words import unspaced_script, words


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("काली किताब", ["काली", "किताब"]),
        ("கருப்பு தமிழ்", ["கருப்பு", "தமிழ்"]),
        ("สวัสดี", ["สวัสดี"]),
        ("كِتَابٌ أَسْوَد", ["كِتَابٌ", "أَسْوَد"]),
        ("סֵפֶר", ["סֵפֶר"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),  # noqa: RUF001
        ("ශ්\u200dරී ලංකා", ["ශ්\u200dරී", "ලංකා"]),
        ("Zu\u0308rich", ["zürich"]),
        ("x\u0304y", ["x\u0304y"]),
        ("İstanbul", ["i\u0307stanbul"]),
        ("红色的鸟 2只", ["红色的鸟", "2只"]),
        ("A bird-watcher's RED bird_2", ["a", "bird", "watcher", "s", "red", "bird_2"]),
        ("❤️ 👍🏽 👩\u200d👩\u200d👧 ... \u200d", []),
        ("a\u200d b", ["a", "b"]),
        ("heart ♥\ufe0f A\ufe0f", ["heart", "a"]),
        ("", []),
    ],
)
def test_words_of_many_scripts(caption: str, expected: list[str]) -> None:
    assert words(caption) == expected
    assert WordTokenizer().unknown(caption) == expected


def test_four_words_of_hindi_are_four_words() -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(["काला", "केला", "कील", "किला"])
    assert len({tuple(tokenizer.encode(word)) for word in ("काला", "केला", "कील", "किला")}) == 4


@given(
    st.text(st.characters(exclude_categories=["M", "Cs"], exclude_characters="\u200c\u200dİ"), max_size=40)
)
def test_without_marks_words_are_those_of_python(caption: str) -> None:
    """So vocabularies of English, and of all that has no marks, stay what they were."""
    plain = unicodedata.normalize("NFC", caption).lower()
    if not any(unicodedata.category(character).startswith("M") for character in plain):
        assert words(caption) == re.findall(r"\w+", plain)


@given(st.text(max_size=30))
def test_words_come_back_from_their_join(caption: str) -> None:
    found = words(caption)
    assert all(words(word) == [word] or not word.islower() for word in found)
    assert not any(character.isspace() for word in found for character in word)


@pytest.mark.parametrize(
    ("word", "script"),
    [
        ("红色的鸟", "CJK"),
        ("あかいとり", "HIRAGANA"),
        ("สวัสดี", "THAI"),
        ("鸟", None),
        ("bird", None),
        ("किताब", None),
        ("새빨간", None),
    ],
)
def test_scripts_without_spaces_are_detected(word: str, script: str | None) -> None:
    assert unspaced_script(word) == script
