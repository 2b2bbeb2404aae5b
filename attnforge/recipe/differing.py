"""The values in which two resolved recipes differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

ABSENT = "absent"


def differing_values(first: Mapping[str, object], second: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Dotted keys with both values, in the order of the first; `absent` where a recipe has no such key.

    Args:
        first: A recipe with every default, as plain data.
        second: Another.
    """
    ours, theirs = dict(_values(first, "")), dict(_values(second, ""))
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return [
        (key, ours.get(key, ABSENT), theirs.get(key, ABSENT))
        for key in keys
        if key not in ("summary", "advice") and ours.get(key) != theirs.get(key)
    ]


def _values(value: object, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping() if value:
            for key, item in value.items():
                yield from _values(item, f"{path}.{key}" if path else str(key))
        case list() | tuple() if value:
            for number, item in enumerate(value):
                yield from _values(item, f"{path}.{number}")
        case _:
            yield path, json.dumps(value, ensure_ascii=False, default=str)
