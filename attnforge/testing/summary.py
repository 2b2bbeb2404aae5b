"""A summary at the end of pytest's output: how many checks of each component passed.

The conformance tests register it themselves. With pytest-xdist the process that prints runs no tests: put
`pytest_plugins = ["attnforge.testing.summary"]` into the `conftest.py` of the root folder.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import pytest

PROPERTY = "attnforge conformance"
"""Name of the user property that holds the component's name in a test's report."""


class Summary:
    """Counts the conformance tests of a session by component and outcome."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)

    @classmethod
    def of(cls, config: pytest.Config) -> None:
        """Register a summary in a pytest session, unless there is one."""
        if not config.pluginmanager.has_plugin(PROPERTY):
            config.pluginmanager.register(cls(), PROPERTY)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the outcome of a test."""
        for key, name in report.user_properties:
            if key == PROPERTY and report.when == "call":
                self.outcomes[str(name)][report.outcome] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print one line per component."""
        if self.outcomes:
            terminalreporter.section("conformance", sep="-")
        for name, outcomes in self.outcomes.items():
            terminalreporter.write_line(outcome_line(name, outcomes))


def outcome_line(name: str, counts: Mapping[str, int]) -> str:
    """The outcomes of a component's checks, such as `loss/kl: 19 passed, 1 skipped`."""
    others = [f"{counts[outcome]} {outcome}" for outcome in ("failed", "skipped") if counts[outcome]]
    return ", ".join([f"{name}: {counts['passed']} passed", *others])


def pytest_configure(config: pytest.Config) -> None:
    """Register the summary in the process that prints it."""
    Summary.of(config)
