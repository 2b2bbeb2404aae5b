"""Merges a recipe into its parent: maps merge, lists replace, the child's value wins."""

from __future__ import annotations

from attnforge.recipe.node import Entry, Map, Node, Scalar, as_map, used


def merge(parent: Node, child: Node) -> Node:
    """`parent` with the values of `child` over it.

    A child that names another component (`use`, or a bare name) replaces its parent's map, because options
    belong to the component they were written for. A bare name counts as `{use: name}`.
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
    entries = dict(parent.entries)
    for name, entry in child.entries.items():
        below = merge(entries[name].node, entry.node) if name in entries else entry.node
        entries[name] = Entry(entry.key, below)
    return Map(entries, child.place)
