"""Where the processes that train together meet before they know the recipe, and where they report errors."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import torch.distributed as distributed
from torch.distributed import PrefixStore  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from attnforge.compute.member import Member, train_command
from attnforge.errors import AttnforgeError, Problem, RunError

Result = TypeVar("Result")
MEETING_SECONDS = 600.0
"""How long processes wait for all of them to be started."""
_REPORT_SECONDS = 2.0
"""How long a process that lost another leaves it time to say what happened."""
_POLL_SECONDS = 0.05
_LEAVE_SECONDS = 2 * _REPORT_SECONDS
"""How long the first process, which keeps the store, leaves the others time to see that it has reported."""


class LostProcessError(RunError):
    """Another process has ended or does not answer; what happened to it, it may say itself."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What processes that have met tell one another without exchanging tensors.

    Args:
        own: Which process this is.
        store: Texts by name, kept by the first process; None when there is only one.
    """

    own: Member
    store: distributed.Store | None = None

    def after_first(self, first: Callable[[], Result], others: Callable[[], Result]) -> Result:
        """Do something in the first process, and when it is done something else in the others.

        Args:
            first: What the first process does; if it fails, the others end.
            others: What the others do.

        Raises:
            LostProcessError: the first process was killed.
        """
        if self.store is None:
            return first()
        if self.own.rank == 0:
            outcome = "failed"
            try:
                result = first()
                outcome = "done"
            finally:
                self.store.set("first", outcome)
            return result
        try:
            outcome = self.store.get("first").decode()
        except Exception as error:
            raise lost(self.own, "RUN") from error
        if outcome == "failed":  # the first process reports why
            raise SystemExit(1)
        return others()

    def reports(self, error: AttnforgeError) -> bool:
        """Whether this process is the one that reports an error, which others may have run into too."""
        if self.store is None:
            return True
        if isinstance(error, LostProcessError):
            time.sleep(_REPORT_SECONDS)
        errors = self._errors_with_own()
        if errors is None:  # the first process, which keeps the store, was killed or hangs
            return self.own.rank == 1
        if self.own.rank == 0:
            self._wait_for_others()
        return errors == 1

    def _errors_with_own(self) -> int | None:
        """How many processes have an error, with this one; None if the store does not answer."""
        store, counts = self.store, SimpleQueue[int]()
        assert store is not None, "there are others"  # noqa: S101

        def count() -> None:
            with suppress(Exception):  # a store that is gone
                counts.put(int(store.add("errors", 1)))

        Thread(target=count, daemon=True).start()  # a store that hangs has no timeout here
        with suppress(Empty):
            return counts.get(timeout=_REPORT_SECONDS)
        return None

    def _wait_for_others(self) -> None:
        """Keep the store until all processes have an error: they cannot tell its end from being killed."""
        assert self.store is not None, "there are others"  # noqa: S101
        end = time.monotonic() + _LEAVE_SECONDS
        with suppress(Exception):
            while int(self.store.add("errors", 0)) < self.own.world_size and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)


@contextmanager
def met(own: Member, *, timeout_seconds: float = MEETING_SECONDS) -> Iterator[Meeting]:
    """A context that all processes enter before any of them goes on; alone, it does nothing.

    An error that several processes run into is printed by one of them; the others end quietly, as do those
    that lose the connection because another has failed.

    Args:
        own: Which process this is.
        timeout_seconds: How long to wait for the others.

    Raises:
        RunError: the others are not there.
    """
    if own.world_size == 1:
        yield Meeting(own)
        return
    try:
        for name, value in _address(os.environ).items():
            os.environ.setdefault(name, value)
        timeout = timedelta(seconds=timeout_seconds)
        store, _, _ = next(iter(rendezvous("env://", own.rank, own.world_size, timeout=timeout)))
    except Exception as error:
        raise not_joined(own, error) from error
    meeting = Meeting(own, PrefixStore(f"attnforge/{own.restarts}", store))
    try:
        yield meeting
    except AttnforgeError as error:
        if not meeting.reports(error):
            raise SystemExit(1) from error
        translated = for_processes(error, train_command(own, os.environ))
        translated.add_note(f"in process {own.rank} of {own.world_size}")
        raise translated from error


def for_processes(error: AttnforgeError, command: str) -> AttnforgeError:
    """The same error, whose next commands train in several processes.

    Args:
        error: An error whose next commands begin with `attnforge train`.
        command: What they begin with instead.
    """
    problems = [
        replace(problem, next_step=problem.next_step.replace("attnforge train", command, 1))
        if problem.next_step and problem.next_step.startswith("attnforge train ")
        else problem
        for problem in error.problems
    ]
    translated = type(error)(problems)
    for note in getattr(error, "__notes__", ()):
        translated.add_note(note)
    return translated


def lost(own: Member, run: str) -> LostProcessError:
    """The error of a process that has lost another."""
    return LostProcessError(
        Problem(
            "process-lost",
            f"another of the {own.world_size} processes has ended",
            expected="its own message above, unless it was killed, as the system does when memory runs out",
            next_step=f"attnforge train --resume {run}",
        )
    )


def not_joined(own: Member, error: Exception) -> RunError:
    """The error of a process that does not reach the others."""
    address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    return RunError(
        Problem(
            "processes-not-joined",
            f"process {own.rank} of {own.world_size} does not reach the others at {address}: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}",
            expected="all processes started, and an address that each of them can reach",
            next_step="attnforge launch --help",
        )
    )


def _address(environment: Mapping[str, str]) -> dict[str, str]:
    """Address and port of the first process; torchrun has set them, SLURM has not."""
    if "MASTER_ADDR" in environment or "SLURM_JOB_NODELIST" not in environment:
        return {}
    nodes = environment["SLURM_JOB_NODELIST"]
    command = ["scontrol", "show", "hostnames", nodes]  # SLURM's own, found as its users find it
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    job = int(environment.get("SLURM_JOB_ID", "0"))
    return {"MASTER_ADDR": listed.stdout.split()[0], "MASTER_PORT": str(15_000 + job % 20_000)}
