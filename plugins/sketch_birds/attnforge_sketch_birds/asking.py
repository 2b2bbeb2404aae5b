"""Parses which colours a caption requests for which parts: the inverse of the grammar."""

from __future__ import annotations

from attnforge.data.checks.words import words

from .attributes import BEAKS, PARTS, SIZES
from .grammar import BEAK_WORDS, SIZE_WORDS
from .palette import COLOURS

PART_OF_WORD: dict[str, str] = {
    "bird": "body",
    "body": "body",
    "belly": "belly",
    "breast": "belly",
    "wing": "wing",
    "wings": "wing",
    "crown": "crown",
    "cap": "crown",
}
LINKS = frozenset({"is", "are"})
IGNORED = frozenset({"and", "a", "an", "the", "its", "that", "which", "small", "little", "large", "big"})


def requested_colours(caption: str) -> dict[str, str]:
    """The colour of each part that a caption names; parts that it does not colour are absent.

    A colour belongs to the parts after it (`a red belly and wings`), or, after `is` or `are`, to the parts
    before it (`its belly and its wings are red`). The first colour of a part counts.
    """
    requested: dict[str, str] = {}
    colour: str | None = None
    waiting: list[str] = []
    linked = False
    for word in words(caption):
        if word in COLOURS:
            if linked:
                for part in waiting:
                    requested.setdefault(part, word)
                waiting, linked, colour = [], False, None
            else:
                waiting, colour = [], word
        elif word in PART_OF_WORD:
            part = PART_OF_WORD[word]
            if colour is not None:
                requested.setdefault(part, colour)
            else:
                waiting = [] if linked else waiting
                linked = False
                waiting.append(part)
        elif word in LINKS:
            linked = bool(waiting)
        elif word not in IGNORED:
            colour = None
            waiting = waiting if linked else []
    return requested


def requested_codes(caption: str) -> dict[int, int]:
    """What a caption requests of a bird, as the numbers of `codes_of` by their place there."""
    codes = {PARTS.index(part): COLOURS.index(colour) for part, colour in requested_colours(caption).items()}
    for place, (names, forms) in enumerate(((SIZES, SIZE_WORDS), (BEAKS, BEAK_WORDS)), start=len(PARTS) + 2):
        for number, name in enumerate(names):
            if not set(words(caption)).isdisjoint(forms[name]):
                codes[place] = number
    return codes
