"""What a check found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attnforge.errors import AttnforgeError
from attnforge.plugin.declared import describe_error


@dataclass(frozen=True, slots=True)
class Outcome:
    """One named check."""

    check: str
    """What was looked at."""
    of: str
    """The module, component, recipe or command that it was looked at in."""
    result: str
    """`pass`, `fail`, or `skip` where there is nothing to look at."""
    reason: str = ""
    """Why it failed or was skipped."""


def outcome(check: str, of: str, examine: Callable[[], str | None]) -> Outcome:
    """Examine something.

    Args:
        check: What is looked at.
        of: Where.
        examine: Gives what is wrong, or None; what it raises is wrong as well.
    """
    try:
        reason = examine()
    except AttnforgeError as error:
        reason = "; ".join(problem.message for problem in error.problems)
    except (Exception, SystemExit) as error:  # a plugin's own code may run here
        reason = describe_error(error)
    return Outcome(check, of, "fail" if reason else "pass", reason or "")
