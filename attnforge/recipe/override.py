"""Overrides, such as `phases.gan.steps=100`, from the command line or from a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnforge.errors import Place, Problem
from attnforge.recipe.merge import merge
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, as_map
from attnforge.recipe.source import Text, parse

_OVERRIDE = re.compile(r"(?P<path>[^\s=.]+(?:\.[^\s=.]+)*)=(?P<value>.*)", re.DOTALL)
_KEY = re.compile(r"[^\s=.]+(?:\.[^\s=.]+)*")
SOURCE = "command line"
FILE_KEYS = ("extends", "lock", "requires")
"""Keys that say something of a recipe's file, and nothing of the experiment."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """An override that has been read: a value for a dotted key."""

    steps: tuple[str, ...]
    """The key."""
    places: tuple[Place, ...]
    """Where each step is written."""
    value: Node

    @property
    def key(self) -> str:
        """The dotted key."""
        return ".".join(self.steps)


Overrides = Sequence[str | Assignment]
"""`KEY=VALUE` texts, or what was read of them."""


class _BadOverrideError(Exception):
    def __init__(self, message: str, place: Place, expected: str) -> None:
        super().__init__(message)
        self.problem = Problem("bad-override", message, place, expected, "attnforge show RECIPE")


def override(root: Node, overrides: Overrides, problems: list[Problem]) -> Node:
    """`root` with every override laid over it; bad ones are added to `problems`.

    Order counts only between overrides of the same key: a key of fewer steps comes first and `use` comes
    before its neighbours, so that `data.root=... data.use=folder` keeps its root.
    """
    read = [
        one if isinstance(one, Assignment) else read_override(one, number, problems)
        for number, one in enumerate(overrides, start=1)
    ]
    for item in sorted(
        (item for item in read if item), key=lambda item: (len(item.steps), item.steps[-1] != "use")
    ):
        try:
            root = _put(root, item.steps, item.places, item.value, item.places[0])
        except _BadOverrideError as error:
            problems.append(error.problem)
    return root


def read_override(text: str, number: int, problems: list[Problem]) -> Assignment | None:
    """Read override `number` of a command line; what is wrong with it is added to `problems`."""
    match = _OVERRIDE.fullmatch(text)
    whole = Place(SOURCE, number, 1, text.split("\n")[0][:120], max(1, min(len(text), 120)))
    if match is None:
        message = f"`{text[:120]}` is not an override"
        problems.append(Problem("bad-override", message, whole, "KEY=VALUE, such as `training.seed=2`"))
        return None
    path, value = match["path"], match["value"]
    steps = tuple(path.split("."))
    places, column = [], 1
    for step in steps:
        places.append(Place(SOURCE, number, column, whole.excerpt, len(step)))
        column += len(step) + 1
    if _belongs_to_a_file(steps[0], places[0], problems):
        return None
    node = parse(Text(SOURCE, value, text, number, len(path) + 1), problems, code="bad-override")
    return Assignment(steps, tuple(places), node) if node else None


def assign(key: str, place: Place, value: Node, problems: list[Problem]) -> Assignment | None:
    """A value for a dotted key that a file writes; a key that is none is added to `problems`."""
    if not _KEY.fullmatch(key):
        expected = "a dotted key, such as `losses.damsm.weight`"
        problems.append(Problem("bad-override", f"`{key}` is no key of a recipe", place, expected))
        return None
    steps = tuple(key.split("."))
    column = place.column or 1
    if (place.excerpt or "")[column - 1 : column] in ("'", '"'):
        column += 1
    places = []
    for step in steps:
        places.append(replace(place, column=column, width=len(step)))
        column += len(step) + 1
    if _belongs_to_a_file(steps[0], places[0], problems):
        return None
    return Assignment(steps, tuple(places), value)


def _belongs_to_a_file(key: str, place: Place, problems: list[Problem]) -> bool:
    if key not in FILE_KEYS:
        return False
    message = f"`{key}` cannot be overridden; it belongs to a recipe's file"
    problems.append(Problem("bad-override", message, place))
    return True


def _put(
    node: Node | None, steps: tuple[str, ...], places: tuple[Place, ...], value: Node, above: Place
) -> Node:
    if not steps:
        return merge(node, value) if node else value
    step, place = steps[0], places[0]
    if isinstance(node, Items):
        if not (step.isascii() and step.isdecimal() and int(step[:9]) < len(node.items)):
            last = len(node.items) - 1
            raise _BadOverrideError(
                f"the list has no item `{step}`", place, f"0 to {last}" if last >= 0 else ""
            )
        items = list(node.items)
        items[int(step)] = _put(items[int(step)], steps[1:], places[1:], value, place)
        return Items(tuple(items), node.place)
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Map({}, above)
    node = as_map(node)
    if not isinstance(node, Map):
        raise _BadOverrideError(f"what stands before `{step}` is a single value", place, "a key of a map")
    present = node.entries[step].node if step in node.entries else None
    below = _put(present, steps[1:], places[1:], value, place)
    return merge(node, Map({step: Entry(place, below)}, node.place))
