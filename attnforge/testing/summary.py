"""What pytest prints in the end: how many promises of each component were checked.

The conformance tests register it themselves. With pytest-xdist the process that prints runs no tests: there,
`pytest_plugins = ["attnforge.testing.summary"]` in the `conftest.py` of the root does it.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

PROPERTY = "attnforge conformance"
"""What a test's report says of itself, with the component's name."""


class Summary:
    """Counts the conformance tests of a session by component and outcome."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)

    @classmethod
    def of(cls, config: pytest.Config) -> None:
        """Let a session count, unless it does."""
        if not config.pluginmanager.has_plugin(PROPERTY):
            config.pluginmanager.register(cls(), PROPERTY)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a test."""
        for key, name in report.user_properties:
            if key == PROPERTY and report.when == "call":
                self.outcomes[str(name)][report.outcome] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line a component."""
        if self.outcomes:
            terminalreporter.section("conformance", sep="-")
        for name, outcomes in self.outcomes.items():
            ran = outcomes["passed"] + outcomes["failed"]
            parts = [f"{ran} checks ran", f"{outcomes['passed']} promises kept"]
            parts += [f"{outcomes[one]} {word}" for one, word in _WORDS.items() if outcomes[one]]
            terminalreporter.write_line(f"{name}: {', '.join(parts)}")


_WORDS = {"failed": "broken", "skipped": "left out with a reason"}


def pytest_configure(config: pytest.Config) -> None:
    """Count in the process that prints."""
    Summary.of(config)
