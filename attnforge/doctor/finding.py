"""The result of one check, and whether it keeps anything from working."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from attnforge.errors import AttnforgeError
from attnforge.plugin.declared import describe_error

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis."""

    area: str
    of: str
    """What was checked."""
    state: str
    """`ok`; `warning` if something is missing that may not be needed; `problem` if something cannot work."""
    finding: str
    next: str = ""
    """The command to type next."""


def findings(area: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of an area; if the check itself fails, that is a finding too."""
    try:
        yield from look()
    except AttnforgeError as error:
        for problem in error.problems:
            at = str(problem.place) if problem.place else area
            yield Finding(area, at, PROBLEM, problem.message, problem.next_step or "")
    except (Exception, SystemExit) as error:
        yield Finding(area, area, PROBLEM, f"the check failed: {describe_error(error)}")


def size(count: int) -> str:
    """Bytes in GiB, or in MiB below 1 GiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
