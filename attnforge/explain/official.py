"""Explains settings of the official AttnGAN code: what they are called in a recipe."""

from __future__ import annotations

import re
from pathlib import Path

from attnforge.explain.codes import packaged
from attnforge.explain.topic import Explanation

_ROW = re.compile(
    r"^\| (?P<names>`[A-Z0-9_.`, ]+`) \|(?P<here>.*?) \| (?P<value>.*?) \| (?P<text>.*?) \|$", re.MULTILINE
)
_PREFIX = "cfg."
"""What the official code has before a setting."""


def official_settings() -> dict[str, Explanation]:
    """Every setting by its whole name, such as `TRAIN.SMOOTH.LAMBDA`."""
    page = _page().read_text(encoding="utf-8")
    return {name: _explanation(name, row) for row in _ROW.finditer(page) for name in _names(row)}


def official_setting(topic: str) -> list[Explanation]:
    """The settings that a topic names: as a whole, or by the end of the name, such as `SMOOTH.LAMBDA`."""
    name = topic.removeprefix(_PREFIX).upper()
    settings = official_settings()
    if name in settings:
        return [settings[name]]
    if topic.removeprefix(_PREFIX) != name:  # names in lower case are attnforge's own
        return []
    return [explanation for known, explanation in settings.items() if known.endswith(f".{name}")]


def _page() -> Path:
    return packaged("official-settings.md")


def _names(row: re.Match[str]) -> list[str]:
    return re.findall(r"`([A-Z0-9_.]+)`", row["names"])


def _explanation(name: str, row: re.Match[str]) -> Explanation:
    here = row["here"].strip()
    text = f"in a recipe: {here or 'nothing'}\nfor birds: {row['value']}\n{row['text']}"
    facts = {
        "topic": "official setting",
        "name": name,
        "here": here,
        "birds": row["value"],
        "text": row["text"],
    }
    return Explanation(f"{name} of the official AttnGAN code", text, facts)
