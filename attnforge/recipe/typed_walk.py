"""Walks a recipe by the types of its options and visits every slot."""

from __future__ import annotations

from collections.abc import Callable

from attnforge.errors import AttnforgeError
from attnforge.plugin import PluginCatalogue
from attnforge.recipe.node import Entry, Items, Map, Node, find, used
from attnforge.recipe.options import options_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import ListShape, OptionalShape, SectionShape, Shape, SlotShape, TableShape

Change = Callable[[str, Node], Node]
"""Returns the new value of a slot from its kind and its old value."""


def walk_recipe(root: Map, *, under: Node | None, plugins: PluginCatalogue, change: Change) -> Map:
    """A recipe with the value of every slot changed, outer slots first.

    Values of the wrong type are left alone; decoding reports them.

    Args:
        root: The recipe.
        under: The parent it will be merged into, which names the components of maps without `use`.
        plugins: The available components.
        change: Returns the new value of a slot.
    """
    return _Walk(plugins, change).options(Recipe, root, under)


class _Walk:
    def __init__(self, plugins: PluginCatalogue, change: Change) -> None:
        self.plugins = plugins
        self.change = change

    def options(self, target: type, node: Map, under: Node | None) -> Map:
        entries = dict(node.entries)
        for name, option in options_of(target).items():
            if name in entries:
                entry = entries[name]
                entries[name] = Entry(entry.key, self._node(option.shape, entry.node, _below(under, name)))
        return Map(entries, node.place)

    def _node(self, shape: Shape, node: Node, under: Node | None) -> Node:
        match shape:
            case OptionalShape():
                return self._node(shape.item, node, under)
            case SlotShape():
                return self._slot(shape.kind, node, under)
            case SectionShape() if isinstance(node, Map):
                return self.options(shape.target, node, under)
            case ListShape() if isinstance(node, Items):
                # A list replaces its parent's, so its items have no parent.
                return Items(tuple(self._node(shape.item, item, None) for item in node.items), node.place)
            case TableShape() if isinstance(node, Map):
                entries = {
                    name: Entry(entry.key, self._node(shape.item, entry.node, _below(under, name)))
                    for name, entry in node.entries.items()
                }
                return Map(entries, node.place)
            case _:
                return node

    def _slot(self, kind: str, node: Node, under: Node | None) -> Node:
        node = self.change(kind, node)
        name = used(node) or (used(under) if under is not None else None)
        if not isinstance(node, Map) or name is None:
            return node
        try:
            target = self.plugins.registry.load(self.plugins.registry.get(kind, name))
            return self.options(target, node, under if under is not None and used(under) == name else None)
        except AttnforgeError:
            return node


def _below(node: Node | None, name: str) -> Node | None:
    return find(node, name) if node is not None else None
