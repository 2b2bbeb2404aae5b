"""What was found, and whether it keeps anything from working."""

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
    """What was looked at."""
    state: str
    """`ok`; `warning` where something is missing that may never be needed; `problem` where something that
    was asked for cannot work."""
    finding: str
    next: str = ""
    """The command to type next."""


def found(area: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of an area; looking itself may fail on a machine in disorder, which is a finding too."""
    try:
        yield from look()
    except AttnforgeError as error:
        for problem in error.problems:
            at = str(problem.place) if problem.place else area
            yield Finding(area, at, PROBLEM, problem.message, problem.next_step or "")
    except (Exception, SystemExit) as error:
        yield Finding(area, area, PROBLEM, f"it cannot be looked at: {describe_error(error)}")


def size(count: int) -> str:
    """Bytes as GiB, or as MiB where there are few."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
