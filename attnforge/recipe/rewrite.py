"""Plain data as nodes with places: values that are unchanged, or only renamed, keep theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attnforge.errors import Place
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, plain


def rewritten(data: Mapping[str, Any], before: Map, place: Place) -> Map:
    """`data` as a map.

    Args:
        data: The new content.
        before: The old content, with places.
        place: The place of new values.

    Raises:
        TypeError: `data` contains something that a recipe cannot express.
    """
    left = {key: entry for key, entry in before.entries.items() if key not in data}
    entries = {}
    for key, value in data.items():
        if not isinstance(key, str):
            raise TypeError(f"the key {key!r} is not a text")
        old = before.entries.get(key)
        if old is None:
            old_name = next((name for name, entry in left.items() if _same(plain(entry.node), value)), None)
            old = left.pop(old_name) if old_name is not None else None
        if old is None:
            entries[key] = Entry(place, _new(value, place))
        else:
            entries[key] = Entry(old.key, _updated(value, old.node))
    return Map(entries, before.place)


def _updated(value: Any, old: Node) -> Node:
    if _same(plain(old), value):
        return old
    if isinstance(old, Map) and isinstance(value, Mapping):
        return rewritten(value, old, old.place)
    if isinstance(old, Items) and isinstance(value, list | tuple) and len(value) == len(old.items):
        items = (_updated(item, old_item) for item, old_item in zip(value, old.items, strict=True))
        return Items(tuple(items), old.place)
    return _new(value, old.place)


def _new(value: Any, place: Place) -> Node:
    match value:
        case None | bool() | int() | float() | str():
            return Scalar(value, place)
        case Mapping():
            return rewritten(value, Map({}, place), place)
        case list() | tuple():
            return Items(tuple(_new(item, place) for item in value), place)
        case _:
            raise TypeError(f"{value!r} cannot be expressed in a recipe")


def _same(left: object, right: object) -> bool:
    """Equal and of the same type: 1, 1.0 and true are different values."""
    try:
        return json.dumps(left) == json.dumps(right)
    except (TypeError, ValueError):
        return False
