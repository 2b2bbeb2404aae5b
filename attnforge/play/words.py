"""The words of a caption as a run reads them: which it knows, and the nearest known word of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypedDict

from attnforge.errors import nearest
from attnforge.interfaces import Tokenizer
from attnforge.optional import ListsWords

_PIECE = re.compile(r"\s+")
MAX_SUGGESTIONS = 24
"""Unknown words for which the nearest is searched, which takes milliseconds each."""


class Piece(TypedDict):
    """A part of a caption between spaces, as it was written."""

    text: str
    first: int
    """The position of its first token among those that the network reads."""
    tokens: int
    """How many tokens it has; 0 when the network does not see it."""
    unknown: bool
    nearest: str | None
    """The known word spelled most like it, if it is unknown."""


class CaptionWords(TypedDict):
    """A caption's pieces."""

    pieces: list[Piece]
    tokens: list[str]
    """What the network reads."""


def read_words(caption: str, tokenizer: Tokenizer) -> CaptionWords:
    """Split a caption into the words that were written, with what the tokenizer makes of each."""
    tokens = tokenizer.tokens(caption)
    pieces = list(_pieces(caption, tokenizer))
    if sum(piece["tokens"] for piece in pieces) != len(tokens):
        # its tokens cross spaces, or depend on their neighbours
        pieces = [Piece(text=token, first=place, tokens=1, unknown=False, nearest=None)
                  for place, token in enumerate(tokens)]  # fmt: skip
    return CaptionWords(pieces=pieces, tokens=tokens)


def _pieces(caption: str, tokenizer: Tokenizer) -> Iterator[Piece]:
    known = tokenizer.known_words if isinstance(tokenizer, ListsWords) else ()
    first = suggested = 0
    for text in _PIECE.split(caption.strip()):
        count, unknown = len(tokenizer.tokens(text)), tokenizer.unknown(text)
        close = None
        if unknown and suggested < MAX_SUGGESTIONS:
            close = nearest(unknown[0], known)
            suggested += 1
        if text:
            yield Piece(text=text, first=first, tokens=count, unknown=bool(unknown), nearest=close)
        first += count
