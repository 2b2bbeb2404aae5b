"""How many faults tests inject, and how that is counted in the log of a test run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

Record = Callable[[str, object], None]
"""pytest's `record_property`."""
FAULT = "injected "
"""Prefix of the properties in which tests record what they injected."""


@dataclass
class Injections:
    """Counts the faults of a kind, and what came of each.

    Args:
        kind: What is injected.
        record: pytest's `record_property`.
    """

    kind: str
    record: Record
    outcomes: Counter[str] = field(default_factory=Counter)
    attempts: int = 0

    def are_fewer_than(self, count: int) -> bool:
        """Whether faults are missing; asked before each attempt, of which some end before their fault."""
        self.attempts += 1
        assert self.attempts <= 10 + 5 * count, "the fault does not come"
        return self.count < count

    def add(self, outcome: str) -> None:
        """Count a fault."""
        self.outcomes[outcome] += 1

    @property
    def count(self) -> int:
        return self.outcomes.total()

    def close(self, *, expected: int) -> None:
        """Record the count for the summary of the test run."""
        assert self.count == expected
        texts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        self.record(FAULT + self.kind, f"{self.count} injected: {texts}")


LONG_SECONDS = 7_200
"""After how long a test with many injections counts as hung."""


def summary(reports: Iterable[Any]) -> Iterator[str]:
    """The lines of a test run's summary: a kind of fault, how often it was injected and what came of it."""
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name.startswith(FAULT):
                yield f"{name.removeprefix(FAULT)}: {value}"


def counts(*, usual: int, long: int = 200) -> pytest.MarkDecorator:
    """Runs a test with as many injections in every test run, unless 0, and with more in the long one."""
    few = [usual] if usual else []
    many = pytest.param(long, marks=[pytest.mark.long, pytest.mark.timeout(LONG_SECONDS)])
    return pytest.mark.parametrize("count", [*few, many])
