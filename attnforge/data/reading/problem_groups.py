"""Groups problems of the lines of a file by cause; each cause is reported once, with its lines."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from attnforge.errors import Place, Problem

MAX_LISTED_LINES = 5
"""Further lines that are listed; the others are counted."""


@dataclass(slots=True)
class _Group:
    problem: Problem
    lines: list[int] = field(default_factory=list)
    """The first of the further lines."""
    further: int = 0


class ProblemGroups:
    """Collects problems; a mistake that many lines repeat is one problem."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, _Group] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, problem: Problem, *, cause: Hashable = None) -> None:
        """Add a problem; without a cause it forms its own group."""
        key = (problem.code, cause) if cause is not None else object()
        if key not in self._groups:
            self._groups[key] = _Group(problem)
            return
        group = self._groups[key]
        group.further += 1
        if (
            len(group.lines) < MAX_LISTED_LINES
            and problem.place is not None
            and problem.place.line is not None
        ):
            group.lines.append(problem.place.line)

    def problems(self) -> list[Problem]:
        """One problem per cause, sorted by its first line; the message lists or counts the others."""
        merged = [_merged(group) for group in self._groups.values()]
        return sorted(merged, key=lambda problem: line_of(problem.place))


def line_of(place: Place | None) -> int:
    """The line of a place, 0 if it has none."""
    return (place.line or 0) if place else 0


def _merged(group: _Group) -> Problem:
    if not group.further:
        return group.problem
    lines = ", ".join(f"{line:,}" for line in group.lines)
    more = group.further - len(group.lines)
    if not lines:
        places = f"in {more:,} more {'places' if more > 1 else 'place'}"
    else:
        places = f"on {'lines' if group.further > 1 else 'line'} {lines}" + (
            f" and {more:,} more" if more else ""
        )
    return replace(group.problem, message=f"{group.problem.message}; also {places}")
