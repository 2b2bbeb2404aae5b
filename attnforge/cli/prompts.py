"""Captions and extras on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attnforge.errors import Place, Problem, RunError
from attnforge.terminal import print_text

if TYPE_CHECKING:
    from attnforge.interfaces import Tokenizer


def read_extras(texts: Iterable[str]) -> dict[str, list[float]]:
    """The numbers of every `--with`, by name; those of a name that is repeated follow one another.

    Raises:
        RunError: a text is not NAME=NUMBERS.
    """
    values: dict[str, list[float]] = {}
    for text in texts:
        name, equals, numbers = text.partition("=")
        try:
            values.setdefault(name, []).extend(float(number) for number in numbers.split(","))
        except ValueError:
            equals = ""
        if not (name and equals):
            message = f"`{text}` is not a name with numbers"
            raise RunError(
                Problem("bad-extra", message, place_of("--with", text), "--with NAME=NUMBER,NUMBER,...")
            )
    return values


def place_of(option: str, text: str) -> Place:
    """The place of an option's value in errors."""
    return Place("command line", 1, 1, f"{option} {text}"[:120], 1)


def warn_of_unknown_words(tokenizer: Tokenizer, captions: Iterable[str]) -> None:
    """Warn of captions that are read without some of their words."""
    for caption in captions:
        unknown = ", ".join(repr(word) for word in dict.fromkeys(tokenizer.unknown(caption)))
        if unknown and (known := tokenizer.tokens(caption)):
            rest = " ".join(known)
            print_text(f"warning: unknown words {unknown}: {caption!r} is read as {rest!r}", err=True)
