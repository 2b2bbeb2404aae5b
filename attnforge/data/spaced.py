"""Chooses some of many images at equal distances."""

from __future__ import annotations

from collections.abc import Sequence


def evenly_spaced(count: int, limit: int) -> Sequence[int]:
    """At most `limit` of `count` indices, in order, from the first on; all where there are no more."""
    chosen = min(count, limit)
    if chosen == count:
        return range(count)
    return [number * count // chosen for number in range(chosen)]
