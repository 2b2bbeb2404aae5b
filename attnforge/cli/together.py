"""Lets the processes that `attnforge launch eval` starts evaluate together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from attnforge.cli.boundary import boundary
from attnforge.compute.member import member

TIMEOUT_SECONDS = 1_800
"""After how long a process that does not answer counts as failed."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one of these processes does.

    Args:
        device: Where it computes.
        first: Whether it is the one that reports and writes.
    """

    device: str
    first: bool


@contextmanager
def evaluating_together(device: str, *, source: str) -> Iterator[Share]:
    """A context in which these processes share every batch of images; alone, it does nothing.

    Args:
        device: The device that was asked for; with several GPUs, each process gets its own.
        source: What is evaluated, for the command that starts all again.

    Raises:
        RunError: another process has ended or does not answer.
    """
    own = member()
    if own.world_size == 1:
        yield Share(device, first=True)
        return
    # before torch is imported: the loss of a process is reported here, without traces of torch's code
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from attnforge.compute.device import choose_device
    from attnforge.compute.meeting import LostProcessError, met
    from attnforge.compute.processes import joined

    with ExitStack() as entered:
        meeting = entered.enter_context(met(own))
        entered.enter_context(boundary())  # what it translates is reported by one process
        chosen = choose_device(device, local_rank=own.local_rank)
        try:
            with joined(meeting, device=chosen, timeout_seconds=TIMEOUT_SECONDS):
                yield Share(str(chosen), first=own.rank == 0)
        except LostProcessError as error:
            again = f"attnforge launch --processes {own.world_size} eval {source}"
            raise LostProcessError(
                [replace(problem, next_step=again) for problem in error.problems]
            ) from error
