"""Merges a recipe into its parent: maps merge, lists replace, the child's value wins."""

from __future__ import annotations

from attnforge.recipe.node import Entry, Map, Node, Scalar, as_map, used


def merge(parent: Node, child: Node) -> Node:
    """`parent` with the values of `child` over it.

    A child that names another component (`use`, or a bare name) replaces its parent's map, because options
    belong to the component they were written for. A bare name counts as `{use: name}`. A new key of the child
    stands before the next of the child's keys that the parent has, or else last: phases run in this order.
    """
    chosen = used(child)
    if chosen is not None and (isinstance(child, Scalar) or used(parent) is not None):
        same = isinstance(parent, Map) and used(parent) == chosen
        if not same:
            return child
    if isinstance(child, Map) or (chosen is not None and isinstance(parent, Map)):
        parent, child = as_map(parent), as_map(child)
    if not (isinstance(parent, Map) and isinstance(child, Map)):
        return child
    entries = {}
    for name in _ordered(list(parent.entries), list(child.entries)):
        above, below = parent.entries.get(name), child.entries.get(name)
        if above is not None and below is not None:
            entries[name] = Entry(below.key, merge(above.node, below.node))
        elif entry := below or above:
            entries[name] = entry
    return Map(entries, child.place)


def _ordered(parent: list[str], child: list[str]) -> list[str]:
    """The keys of both: the parent's in its order, and between them those that only the child has."""
    following: str | None = None
    names, inherited = list(parent), set(parent)
    for name in reversed(child):
        if name not in inherited:
            names.insert(len(names) if following is None else names.index(following), name)
        following = name
    return names
