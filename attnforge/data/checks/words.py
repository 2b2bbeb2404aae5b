"""What a word is, in every script: letters, digits and marks stay together."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice

BLOCK_CAPTIONS = 256
"""Captions that are split at once."""
_ASCII_WORD_LETTERS = string.ascii_letters + string.digits + "_"
_SPACES_BETWEEN_WORDS = str.maketrans(
    {letter: " " for letter in map(chr, range(128)) if letter not in _ASCII_WORD_LETTERS}
)
_JOINERS = "\u200c\u200d"
"""They control how letters of one word connect, as in Persian and Sinhala."""
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""They choose a glyph and not a letter: most follow emoji."""
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""First words of the Unicode names of letters in scripts that put no spaces between words."""


def words(caption: str) -> list[str]:
    """The lower-cased words of a caption, in order; letters in NFC, so that one spelling is one word.

    A word begins with a letter, a digit or an underscore, and continues with those, marks (the vowel signs
    of Indic scripts, Thai, Arabic and Hebrew; accents without a composed letter) and joiners. That is
    `\\w` of Unicode's UTS #18, annex C, which Python's `\\w` is not: it ends a word at each mark. Scripts
    without spaces give one word for each run of letters; `unspaced_script` detects them.
    """
    if caption.isascii():
        return caption.lower().translate(_SPACES_BETWEEN_WORDS).split()
    plain = _VARIATION_SELECTORS.sub("", unicodedata.normalize("NFC", caption)).lower()
    return [word for run in _runs(plain) if (word := run.rstrip(_JOINERS))]


def word_counts(captions: Iterable[str]) -> Counter[str]:
    """How often each word occurs in captions.

    Captions of ASCII letters are split many at a time: no word crosses the end of a line.
    """
    counts: Counter[str] = Counter()
    remaining = iter(captions)
    while block := tuple(islice(remaining, BLOCK_CAPTIONS)):
        text = "\n".join(block)
        for part in (text,) if text.isascii() else block:
            counts.update(words(part))
    return counts


def unspaced_script(word: str) -> str | None:
    """The script of a word's first letter that belongs to a script without spaces, or None.

    A single letter is no evidence: it may be a whole word.
    """
    if word.isascii() or len(word) < 2:
        return None
    names = (unicodedata.name(character, "").partition(" ")[0] for character in word)
    return next((name for name in names if name in _UNSPACED), None)


def _runs(text: str) -> Iterable[str]:
    start: int | None = None
    for place, character in enumerate(text):
        if character.isalnum() or character == "_":
            start = place if start is None else start
        elif start is not None and not _continues(character):
            yield text[start:place]
            start = None
    if start is not None:
        yield text[start:]


def _continues(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character).startswith("M")
