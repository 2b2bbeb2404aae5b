"""The outcome of a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attnforge.errors import AttnforgeError
from attnforge.plugin.declared import describe_error


@dataclass(frozen=True, slots=True)
class Outcome:
    """One named check."""

    check: str
    """The property that was checked."""
    of: str
    """The module, component, recipe or command that was checked."""
    result: str
    """`pass`, `fail`, or `skip` where there is nothing to check."""
    reason: str = ""
    """Why it failed or was skipped."""


def outcome(check: str, of: str, examine: Callable[[], str | None]) -> Outcome:
    """Run a check.

    Args:
        check: The property to check.
        of: The module, component, recipe or command to check.
        examine: Returns what is wrong, or None; an exception is a failure too.
    """
    try:
        reason = examine()
    except AttnforgeError as error:
        reason = "; ".join(problem.message for problem in error.problems)
    except (Exception, SystemExit) as error:  # a plugin's own code may run here
        reason = describe_error(error)
    return Outcome(check, of, "fail" if reason else "pass", reason or "")
