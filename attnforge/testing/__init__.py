"""The conformance kit: what a component of each kind promises, as tests that anyone can run.

    from attnforge.testing import conformance

    TestGated = conformance("attention/gated")

For your own tests, `adversarial_step` makes the input of a loss, and `attnforge.testing.strategies` has
hypothesis strategies. The kit needs the extra `attnforge[testing]`; nothing else in attnforge imports it.
"""

from __future__ import annotations

from attnforge.errors import AttnforgeError, Problem

try:
    import hypothesis  # noqa: F401
    import jsonschema  # type: ignore[import-untyped]  # noqa: F401
    import pytest  # noqa: F401
except ImportError as error:
    raise AttnforgeError(
        Problem(
            "testing-not-installed",
            f"the conformance kit needs {error.name}, which is not installed",
            expected="the extra `testing` of attnforge",
            next_step='pip install "attnforge[testing]"',
        )
    ) from error

from attnforge.testing.checks import Check, checks_of
from attnforge.testing.conformance import conformance
from attnforge.testing.examples import adversarial_step
from attnforge.testing.report import Report, run

__all__ = ["Check", "Report", "adversarial_step", "checks_of", "conformance", "run"]
