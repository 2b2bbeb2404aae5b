"""An explanation: a text for people, and the same facts as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """One topic."""

    title: str
    """What it is, in one line."""
    text: str
    """The rest, as paragraphs and tables."""
    facts: Mapping[str, Any]
    """The same as plain data."""

    def __str__(self) -> str:
        return f"{self.title}\n\n{self.text}".rstrip()
