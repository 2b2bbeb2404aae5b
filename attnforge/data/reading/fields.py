"""Reads the fields of one line of metadata, typed from JSON or as strings from CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from attnforge.errors import nearest

Value = TypeVar("Value")

SPLITS = ("train", "test")
HELD_OUT = ("val", "valid", "validation", "dev", "eval")
"""Other names for the split that is not trained on."""
MAX_BOX_PIXELS = 1e6
"""A box that reaches farther is a mistake."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Field(Generic[Value]):
    """A value, or what is wrong with it."""

    value: Value | None = None
    wrong: str | None = None
    code: str = ""
    expected: str = ""
    cause: str = ""
    """Equal for lines with the same mistake."""


NOTHING: Field[Any] = Field()
"""The field of a line that lacks it."""


def read_captions(record: Mapping[str, Any]) -> Field[tuple[str, ...]]:
    """The captions in `captions`, else in `text`; cleaned, empty ones included."""
    raw = record.get("captions", record.get("text"))
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        raw = _json(raw)
    if raw is None:
        return Field(())
    texts = [raw] if isinstance(raw, str) else raw
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        wrong = "its captions are not strings"
        return Field(None, wrong, "bad-captions", "a string or a list of strings", "type")
    return Field(tuple([clean(text) for text in texts]))


def clean(caption: str) -> str:
    """A caption with outer whitespace stripped and inner whitespace collapsed to single spaces.

    Lone surrogates, which JSON can escape but UTF-8 cannot encode, are dropped.
    """
    if caption.isprintable() and "  " not in caption and caption[:1] != " " and caption[-1:] != " ":
        return caption  # spaces are its only whitespace, and surrogates are not printable
    return " ".join(caption.encode("utf-8", "ignore").decode("utf-8").split())


def read_class_id(record: Mapping[str, Any]) -> Field[int]:
    """The integer in `class_id`."""
    raw = record.get("class_id")
    if raw is None:
        return NOTHING
    if isinstance(raw, str):
        raw = _json(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw < 2**63:
        wrong = f"class_id is {record['class_id']!r}"
        expected = "an integer from 0; give each named class a number"
        return Field(None, wrong, "bad-class-id", expected, type(raw).__name__)
    return Field(raw)


def read_box(record: Mapping[str, Any]) -> Field[Box]:
    """The four numbers in `bbox`: left, top, width and height in pixels."""
    raw = record.get("bbox")
    if raw is None:
        return NOTHING
    if isinstance(raw, str):
        raw = _json(raw if raw.lstrip().startswith("[") else f"[{','.join(raw.split())}]")
    numbers = raw if isinstance(raw, list) else []
    usable = len(numbers) == 4 and all(
        isinstance(number, int | float)
        and not isinstance(number, bool)
        and -MAX_BOX_PIXELS < number < MAX_BOX_PIXELS
        for number in numbers
    )
    if not usable or min(numbers[2:]) <= 0:
        wrong = f"bbox is {record['bbox']!r}"
        expected = "[left, top, width, height] in pixels, width and height above 0"
        return Field(None, wrong, "bad-box", expected, "box")
    left, top, width, height = map(float, numbers)
    return Field((left, top, width, height))


def read_split(record: Mapping[str, Any]) -> Field[str]:
    """`train` or `test` in `split`."""
    raw = record.get("split")
    if raw is None:
        return NOTHING
    if raw in SPLITS:
        return Field(str(raw))
    close = _closest_split(raw) if isinstance(raw, str) else None
    expected = f"train or test (did you mean {close}?)" if close else "train or test"
    return Field(None, f"split is {raw!r}", "unknown-split", expected, str(raw)[:80])


def _closest_split(name: str) -> str | None:
    plain = name.strip().casefold()
    return "test" if plain in HELD_OUT else nearest(plain, SPLITS)


def _json(text: str) -> Any:
    """The value of a JSON text, or the text itself if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
