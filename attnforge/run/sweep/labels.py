"""What the runs of a sweep are called, in tables and on the disk."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from attnforge.errors import Place, Problem, nearest
from attnforge.recipe.node import Node, Scalar, plain
from attnforge.recipe.override import Assignment

_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run that a sweep's file asks for."""

    label: str
    place: Place
    """Where the file asks for it."""
    assignments: tuple[Assignment, ...]
    recipe: Node | None = None
    """Where it names a recipe of its own."""

    @property
    def settings(self) -> dict[str, object]:
        """What it changes, by dotted key."""
        return {one.key: plain(one.value) for one in self.assignments}


def grid_runs(
    grid: Mapping[str, Sequence[Assignment]], label: Node | None, problems: list[Problem]
) -> list[Wanted]:
    """Every combination of a grid, the last key changing fastest.

    Args:
        grid: The values of each key.
        label: What a run is called, with keys in braces; the keys with their values when not given.
        problems: Gathers keys in braces that the grid does not have.
    """
    if not grid:
        return []
    pattern = label.value if isinstance(label, Scalar) and isinstance(label.value, str) else None
    if pattern is not None and label is not None:
        for key in _BRACES.findall(pattern):
            if key not in grid:
                close = nearest(key, list(grid))
                expected = f"`{{{close or next(iter(grid))}}}`; keys of the grid are {', '.join(grid)}"
                message = f"the label names `{key}`, which the grid does not vary"
                problems.append(Problem("unknown-key", message, label.place, expected))
    found = []
    for combination in product(*grid.values()):
        values = {one.key: value_text(one.value) for one in combination}
        text = (
            _BRACES.sub(lambda match, values=values: values.get(match[1], match[0]), pattern)  # type: ignore[misc]
            if pattern
            else ", ".join(f"{_tail(key)}={value}" for key, value in values.items())
        )
        place = combination[-1].value.place
        found.append(Wanted(label=text, place=place, assignments=tuple(combination)))
    return found


def folder_name(label: str) -> str:
    """A label as the name of a folder: its letters, digits and dots."""
    return re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFC", label)).strip("-.")[:80]


def value_text(node: Node) -> str:
    """A value as a label shows it."""
    value = plain(node)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tail(key: str) -> str:
    return ".".join(key.split(".")[-2:])
