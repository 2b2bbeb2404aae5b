"""Overrides, such as `phases.gan.steps=100`, from the command line or from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from attnforge.errors import Place, Problem, RecipeError
from attnforge.recipe.merge import merge
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, as_map
from attnforge.recipe.source import Text, parse

_OVERRIDE = re.compile(r"(?P<path>[^\s=.]+(?:\.[^\s=.]+)*)=(?P<value>.*)", re.DOTALL)
_KEY = re.compile(r"[^\s=.]+(?:\.[^\s=.]+)*")
SOURCE = "command line"
FILE_KEYS = ("extends", "lock", "requires")
"""Keys that describe a recipe's file, not the experiment."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A parsed override: a value for a dotted key."""

    steps: tuple[str, ...]
    """The parts of the key."""
    places: tuple[Place, ...]
    """Where each part is written."""
    value: Node

    @property
    def key(self) -> str:
        """The dotted key."""
        return ".".join(self.steps)


Overrides = Sequence[str | Assignment]
"""`KEY=VALUE` texts, or parsed ones."""


class _BadOverrideError(Exception):
    def __init__(self, message: str, place: Place, expected: str) -> None:
        super().__init__(message)
        self.problem = Problem("bad-override", message, place, expected, "attnforge show RECIPE")


def refuse_trained_keys(overrides: Overrides, *, sections: Sequence[str], expected: str) -> None:
    """Refuse overrides of a trained run that would not fit its weights.

    Args:
        overrides: `KEY=VALUE` each, or parsed ones; malformed ones are ignored, as resolving reports them.
        sections: The sections of the recipe that weights do not depend on.
        expected: What may be overridden, for the message.

    Raises:
        RecipeError: there are such overrides; all are named.
    """
    problems = [
        Problem(
            "bad-override",
            f"`{key}` cannot be changed here: the weights were trained with it",
            place,
            expected,
            "attnforge train RECIPE KEY=VALUE trains a run with another value",
        )
        for key, place in keys_of(overrides)
        if key.split(".")[0] not in sections
    ]
    if problems:
        raise RecipeError(problems)


def keys_of(overrides: Overrides) -> Iterator[tuple[str, Place]]:
    """The dotted key of each override that has one, and where it is written."""
    for number, item in enumerate(overrides, start=1):
        if isinstance(item, Assignment):
            yield item.key, replace(item.places[0], width=len(item.key))
            continue
        key, equals, _ = item.partition("=")
        if equals and _KEY.fullmatch(key):
            yield key, Place(SOURCE, number, 1, item.split("\n")[0][:120], max(1, min(len(key), 120)))


def override(root: Node, overrides: Overrides, problems: list[Problem]) -> Node:
    """`root` with every override applied; invalid ones are added to `problems`.

    Order matters only between overrides of the same key: shorter keys are applied first, and `use` before
    its siblings, so that `data.root=... data.use=folder` keeps its root.
    """
    assignments = [
        item if isinstance(item, Assignment) else read_override(item, number, problems)
        for number, item in enumerate(overrides, start=1)
    ]
    for assignment in sorted(
        (assignment for assignment in assignments if assignment),
        key=lambda assignment: (len(assignment.steps), assignment.steps[-1] != "use"),
    ):
        try:
            root = _put(root, assignment.steps, assignment.places, assignment.value, assignment.places[0])
        except _BadOverrideError as error:
            problems.append(error.problem)
    return root


def read_override(text: str, number: int, problems: list[Problem]) -> Assignment | None:
    """Parse override `number` of a command line; errors are added to `problems`."""
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
    """Assign a value to a dotted key written in a file; an invalid key is added to `problems`."""
    if not _KEY.fullmatch(key):
        expected = "a dotted key, such as `losses.damsm.weight`"
        problems.append(Problem("bad-override", f"`{key}` is not a key of a recipe", place, expected))
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
                f"the list has no item `{step}`", place, f"an index from 0 to {last}" if last >= 0 else ""
            )
        items = list(node.items)
        items[int(step)] = _put(items[int(step)], steps[1:], places[1:], value, place)
        return Items(tuple(items), node.place)
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Map({}, above)
    node = as_map(node)
    if not isinstance(node, Map):
        raise _BadOverrideError(f"the value before `{step}` is not a map or list", place, "a key of a map")
    present = node.entries[step].node if step in node.entries else None
    below = _put(present, steps[1:], places[1:], value, place)
    return merge(node, Map({step: Entry(place, below)}, node.place))
