"""Reads from a caption which colour it asks for in which part: the grammar of captions backwards."""

from __future__ import annotations

from attnforge.data.words import words

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
PASSED_OVER = frozenset({"and", "a", "an", "the", "its", "that", "which", "small", "little", "large", "big"})


def asked_colours(caption: str) -> dict[str, str]:
    """The colour of each part that a caption names; parts that it does not colour are absent.

    A colour belongs to the parts after it (`a red belly and wings`), or, after `is` or `are`, to the parts
    before it (`its belly and its wings are red`). What a caption says first of a part counts.
    """
    asked: dict[str, str] = {}
    colour: str | None = None
    waiting: list[str] = []
    linked = False
    for word in words(caption):
        if word in COLOURS:
            if linked:
                for part in waiting:
                    asked.setdefault(part, word)
                waiting, linked, colour = [], False, None
            else:
                waiting, colour = [], word
        elif word in PART_OF_WORD:
            part = PART_OF_WORD[word]
            if colour is not None:
                asked.setdefault(part, colour)
            else:
                waiting = [] if linked else waiting
                linked = False
                waiting.append(part)
        elif word in LINKS:
            linked = bool(waiting)
        elif word not in PASSED_OVER:
            colour = None
            waiting = waiting if linked else []
    return asked
