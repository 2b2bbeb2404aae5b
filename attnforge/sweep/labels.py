"""The requested runs of a sweep, with their labels in tables and on disk."""

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
class RequestedRun:
    """A configuration that a sweep's file requests: a run for each seed."""

    label: str
    place: Place
    """The place in the file."""
    assignments: tuple[Assignment, ...]
    recipe: Node | None = None
    """The value of its own `recipe:`, if any."""
    encoders: Node | None = None
    """The value of its own `encoders:`, if any."""
    of: Node | None = None
    """The value of its `of:`: the configuration whose runs are measured again."""
    of_highest: Node | None = None
    """The value of its `of_highest:`: the metric that selects that configuration."""

    @property
    def measures_only(self) -> bool:
        """Whether it trains nothing."""
        return self.of is not None or self.of_highest is not None

    @property
    def settings(self) -> dict[str, object]:
        """The values that it overrides, by dotted key."""
        return {assignment.key: plain(assignment.value) for assignment in self.assignments}


def grid_runs(
    grid: Mapping[str, Sequence[Assignment]], label: Node | None, problems: list[Problem]
) -> list[RequestedRun]:
    """Every combination of a grid, the last key changing fastest.

    Args:
        grid: The values of each key.
        label: The label of a run, with keys in braces; by default all keys with their values.
        problems: Problems found so far; keys in braces that the grid does not have are appended.
    """
    if not grid:
        return []
    pattern = label.value if isinstance(label, Scalar) and isinstance(label.value, str) else None
    if pattern is not None and label is not None:
        for key in _BRACES.findall(pattern):
            if key not in grid:
                close = nearest(key, list(grid))
                expected = f"`{{{close or next(iter(grid))}}}`; keys of the grid: {', '.join(grid)}"
                message = f"the label uses `{key}`, which is not a key of the grid"
                problems.append(Problem("unknown-key", message, label.place, expected))
    runs = []
    for combination in product(*grid.values()):
        values = {assignment.key: value_text(assignment.value) for assignment in combination}
        text = (
            _BRACES.sub(lambda match, values=values: values.get(match[1], match[0]), pattern)  # type: ignore[misc]
            if pattern
            else ", ".join(f"{_short_key(key)}={value}" for key, value in values.items())
        )
        place = combination[-1].value.place
        runs.append(RequestedRun(label=text, place=place, assignments=tuple(combination)))
    return runs


def folder_name(label: str) -> str:
    """The folder name of a label: its letters, digits and dots."""
    return re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFC", label)).strip("-.")[:80]


def value_text(node: Node) -> str:
    """A value as a label shows it."""
    value = plain(node)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short_key(key: str) -> str:
    return ".".join(key.split(".")[-2:])
