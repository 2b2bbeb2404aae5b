"""Reads the fields of one line of metadata, whether they come from JSON or as texts from CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from attnforge.errors import nearest

Value = TypeVar("Value")

SPLITS = ("train", "test")
HELD_OUT = ("val", "valid", "validation", "dev", "eval")
"""What others call images that are not trained on."""
LONGEST = 1e6
"""Pixels; a box that reaches farther is a mistake."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Field(Generic[Value]):
    """A value, or what is wrong with it."""

    value: Value | None = None
    wrong: str | None = None
    code: str = ""
    expected: str = ""
    cause: str = ""
    """What other lines of the same mistake have in common with it."""


def read_captions(record: Mapping[str, Any]) -> Field[tuple[str, ...]]:
    """The captions of `captions`, else of `text`; cleaned, empty ones still among them."""
    given = record.get("captions", record.get("text"))
    if isinstance(given, str) and given.lstrip().startswith("["):
        given = _json(given)
    if given is None:
        return Field(())
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return Field(None, "its captions are not texts", "bad-captions", "a text or a list of texts", "type")
    return Field(tuple(clean(text) for text in texts))


def clean(caption: str) -> str:
    """A caption without outer blanks, with runs of inner blanks and line breaks as one blank.

    Half characters, which JSON can escape but no file can hold, are dropped.
    """
    return " ".join(caption.encode("utf-8", "ignore").decode("utf-8").split())


def read_class_id(record: Mapping[str, Any]) -> Field[int]:
    """The whole number of `class_id`."""
    given = record.get("class_id")
    if given is None:
        return Field()
    if isinstance(given, str):
        given = _json(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 2**63:
        wrong = f"class_id is {record['class_id']!r}"
        expected = "a whole number from 0; number classes that have names"
        return Field(None, wrong, "bad-class-id", expected, type(given).__name__)
    return Field(given)


def read_box(record: Mapping[str, Any]) -> Field[Box]:
    """The four numbers of `bbox`: left, top, width and height in pixels."""
    given = record.get("bbox")
    if given is None:
        return Field()
    if isinstance(given, str):
        given = _json(given if given.lstrip().startswith("[") else f"[{','.join(given.split())}]")
    numbers = given if isinstance(given, list) else []
    usable = len(numbers) == 4 and all(
        isinstance(number, int | float) and not isinstance(number, bool) and -LONGEST < number < LONGEST
        for number in numbers
    )
    if not usable or min(numbers[2:]) <= 0:
        wrong = f"bbox is {record['bbox']!r}"
        expected = "[left, top, width, height] in pixels, width and height above 0"
        return Field(None, wrong, "bad-box", expected, "box")
    left, top, width, height = map(float, numbers)
    return Field((left, top, width, height))


def read_split(record: Mapping[str, Any]) -> Field[str]:
    """`train` or `test` of `split`."""
    given = record.get("split")
    if given is None:
        return Field()
    if given in SPLITS:
        return Field(str(given))
    close = _split_meant(given) if isinstance(given, str) else None
    expected = f"{close}, or the other of train and test" if close else "train or test"
    return Field(None, f"its split is {given!r}", "unknown-split", expected, str(given)[:80])


def _split_meant(name: str) -> str | None:
    plain = name.strip().casefold()
    return "test" if plain in HELD_OUT else nearest(plain, SPLITS)


def _json(text: str) -> Any:
    """The value of a JSON text, or the text itself when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
