"""Plain data as values with places: what is unchanged, or only has another name, keeps its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attnforge.errors import Place
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, plain


def rewritten(data: Mapping[str, Any], before: Map, place: Place) -> Map:
    """`data` as a map.

    Args:
        data: What the map says now.
        before: What it said, with places.
        place: Where values that are new are said to stand.

    Raises:
        TypeError: there is something in `data` that no recipe could say.
    """
    left = {key: entry for key, entry in before.entries.items() if key not in data}
    entries = {}
    for key, value in data.items():
        if not isinstance(key, str):
            raise TypeError(f"the key {key!r} is no text")
        was = before.entries.get(key)
        if was is None:
            renamed = next((old for old, entry in left.items() if _same(plain(entry.node), value)), None)
            was = left.pop(renamed) if renamed is not None else None
        if was is None:
            entries[key] = Entry(place, _new(value, place))
        else:
            entries[key] = Entry(was.key, _updated(value, was.node))
    return Map(entries, before.place)


def _updated(value: Any, was: Node) -> Node:
    if _same(plain(was), value):
        return was
    if isinstance(was, Map) and isinstance(value, Mapping):
        return rewritten(value, was, was.place)
    if isinstance(was, Items) and isinstance(value, list | tuple) and len(value) == len(was.items):
        items = (_updated(item, old) for item, old in zip(value, was.items, strict=True))
        return Items(tuple(items), was.place)
    return _new(value, was.place)


def _new(value: Any, place: Place) -> Node:
    match value:
        case None | bool() | int() | float() | str():
            return Scalar(value, place)
        case Mapping():
            return rewritten(value, Map({}, place), place)
        case list() | tuple():
            return Items(tuple(_new(item, place) for item in value), place)
        case _:
            raise TypeError(f"{value!r} is nothing that a recipe can say")


def _same(one: object, other: object) -> bool:
    """Equal, and of one type: 1, 1.0 and true are three values of a recipe."""
    try:
        return json.dumps(one) == json.dumps(other)
    except (TypeError, ValueError):
        return False
