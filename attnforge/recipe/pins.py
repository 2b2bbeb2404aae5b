"""Pins: `word@1` is the component `word`, with options as its version 1 took them."""

from __future__ import annotations

import re

_PINNED = re.compile(r"(?P<name>[^@]+)@(?P<version>[1-9][0-9]{0,5})")


def read_pin(text: str) -> tuple[str, int | None] | None:
    """The name and the pinned version of what a slot says, the version None without a pin.

    None when there is an `@` and what stands around it makes no pin.
    """
    if "@" not in text:
        return text, None
    match = _PINNED.fullmatch(text)
    return (match["name"], int(match["version"])) if match else None


def without_pin(text: str) -> str:
    """The name alone; a text that holds no well-formed pin is given back as it is."""
    match = _PINNED.fullmatch(text)
    return match["name"] if match else text
