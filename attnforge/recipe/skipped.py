"""Parts of a recipe that cannot be loaded on this machine, and are not needed for what is done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from attnforge.errors import Problem, RecipeError


class SkippedPartError(RecipeError):
    """A skipped part is needed after all."""


@dataclass(frozen=True, slots=True)
class SkippedPart:
    """Stands in the slot of such a part; building it reports what is missing."""

    path: str
    """The slot's dotted path in the recipe."""
    problems: tuple[Problem, ...]
    """Why the part cannot be loaded."""

    def __call__(self, *spec: Any) -> NoReturn:
        """Refuse to build the part.

        Raises:
            SkippedPartError: always, with the problems of the part.
        """
        raise SkippedPartError(self.problems)


def skipping_notes(skipped: Sequence[SkippedPart]) -> list[str]:
    """What to print about skipped parts: a line for each reason."""
    paths: dict[str, list[str]] = {}
    for part in skipped:
        path = f"`{part.path}`"
        paths.setdefault(part.problems[0].message.removeprefix(f"{path}: "), []).append(path)
    return [f"skipping {_listed(names)}, not needed here: {reason}" for reason, names in paths.items()]


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
