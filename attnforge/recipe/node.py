"""Values of a recipe that remember where they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attnforge.errors import Place
from attnforge.recipe.pins import without_pin

Atom = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value."""

    value: Atom
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Map:
    """A map in the order in which it was written."""

    entries: Mapping[str, Entry]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and its value."""

    key: Place
    node: Node


Node = Scalar | Items | Map


def plain(node: Node) -> object:
    """The value without its places, as `yaml.safe_load` would give it."""
    match node:
        case Map():
            return {name: plain(entry.node) for name, entry in node.entries.items()}
        case Items():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value


def find(node: Node, path: str) -> Node | None:
    """The value at a dotted path such as `generator.stages.1.attention`, or None."""
    for step in path.split(".") if path else ():
        if isinstance(node, Map) and step in node.entries:
            node = node.entries[step].node
        elif isinstance(node, Items) and step.isdecimal() and int(step) < len(node.items):
            node = node.items[int(step)]
        else:
            return None
    return node


def named(node: Node) -> Scalar | None:
    """What names the component of a slot: a bare name, or the value of `use`; None if there is neither."""
    if isinstance(node, Map) and "use" in node.entries:
        node = node.entries["use"].node
    return node if isinstance(node, Scalar) and isinstance(node.value, str) else None


def used(node: Node) -> str | None:
    """The component that the value of a slot names, without its pin."""
    name = named(node)
    return without_pin(str(name.value)) if name is not None else None


def as_map(node: Node) -> Node:
    """A bare name as the equivalent map `{use: name}`; anything else unchanged."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Map({"use": Entry(node.place, node)}, node.place)
    return node
