"""Problems of the lines of a file, each cause told once with the lines that it stands in."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from attnforge.errors import Place, Problem

NAMED = 5
"""Further lines that are named; of the others their number is told."""


@dataclass(slots=True)
class _Cause:
    problem: Problem
    lines: list[int] = field(default_factory=list)
    """The first of the further lines."""
    further: int = 0


class Repeated:
    """Collects problems; those of the same cause become the first of them.

    A file with one mistake has one problem for it, however many lines repeat it.
    """

    def __init__(self) -> None:
        self._causes: dict[Hashable, _Cause] = {}

    def __len__(self) -> int:
        return len(self._causes)

    def add(self, problem: Problem, *, cause: Hashable = None) -> None:
        """Note a problem; without a cause it stands for itself."""
        key = (problem.code, cause) if cause is not None else object()
        if key not in self._causes:
            self._causes[key] = _Cause(problem)
            return
        known = self._causes[key]
        known.further += 1
        if len(known.lines) < NAMED and problem.place is not None and problem.place.line is not None:
            known.lines.append(problem.place.line)

    def problems(self) -> list[Problem]:
        """One problem a cause, by the line of the first; the others are counted in its message."""
        told = [_told(cause) for cause in self._causes.values()]
        return sorted(told, key=lambda problem: line_of(problem.place))


def line_of(place: Place | None) -> int:
    """The line of a place, 0 where it has none."""
    return (place.line or 0) if place else 0


def _told(cause: _Cause) -> Problem:
    if not cause.further:
        return cause.problem
    lines = ", ".join(f"{line:,}" for line in cause.lines)
    more = cause.further - len(cause.lines)
    listed = f"{lines} and {more:,} more" if lines and more else lines or f"{more:,} more places"
    plural = "lines" if cause.further > 1 else "line"
    return replace(cause.problem, message=f"{cause.problem.message}; likewise {plural} {listed}")
