"""Pins: `word@1` is the component `word` with the options of its version 1."""

from __future__ import annotations

import re

_PINNED = re.compile(r"(?P<name>[^@]+)@(?P<version>[1-9][0-9]{0,5})")


def read_pin(text: str) -> tuple[str, int | None] | None:
    """The name and the pinned version in the text of a slot; the version is None without a pin.

    None when the text contains `@` but is not a valid pin.
    """
    if "@" not in text:
        return text, None
    match = _PINNED.fullmatch(text)
    return (match["name"], int(match["version"])) if match else None


def without_pin(text: str) -> str:
    """The name alone; a text without a valid pin is returned unchanged."""
    match = _PINNED.fullmatch(text)
    return match["name"] if match else text
