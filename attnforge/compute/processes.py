"""Lets the processes that train together, and have met, exchange tensors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import torch
import torch.distributed as distributed

from attnforge.compute.collectives import world_size
from attnforge.compute.meeting import LostProcessError, Meeting, lost, not_joined
from attnforge.compute.member import Member
from attnforge.errors import Problem

_LOST = re.compile(
    r"connection (closed|reset|refused)|broken pipe|timed out|timeout|gloo|nccl|remote process", re.IGNORECASE
)
_HUNG = re.compile(r"timed out|timeout", re.IGNORECASE)


@contextmanager
def joined(
    meeting: Meeting, *, device: torch.device, timeout_seconds: float, run: str = "RUN"
) -> Iterator[None]:
    """A context in which this process and the others can exchange tensors; alone, it does nothing.

    Args:
        meeting: Where the processes have met.
        device: Where this one computes.
        timeout_seconds: After how long a process that does not answer counts as failed.
        run: The run that is resumed when a process has failed.

    Raises:
        RunError: another process has ended or does not answer.
    """
    own = meeting.own
    if meeting.store is None:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group(
            # tensors on the CPU, such as the flag that stops all, must not wait for a GPU
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            store=meeting.store,
            rank=own.rank,
            world_size=own.world_size,
            timeout=timedelta(seconds=timeout_seconds),
        )
    except Exception as error:
        raise not_joined(own, error) from error
    try:
        yield
    except Exception as error:
        if not is_loss_of_a_process(error):
            raise
        raise (_hung(own, timeout_seconds, run) if _HUNG.search(str(error)) else lost(own, run)) from error
    finally:
        # after an error others may never come to the end, and this process must not wait for them
        with suppress(Exception):
            distributed.destroy_process_group()


def barrier() -> None:
    """Wait until all processes have come here."""
    if world_size() > 1:
        distributed.all_reduce(torch.zeros(1))


def largest_of_processes(number: int) -> int:
    """The largest of the processes' numbers; all of them have to ask."""
    if world_size() == 1:
        return number
    largest = torch.tensor([number])
    distributed.all_reduce(largest, distributed.ReduceOp.MAX)
    return int(largest.item())


def texts_of_processes(text: str) -> list[str]:
    """A text of each process, by rank."""
    if world_size() == 1:
        return [text]
    texts: list[str | None] = [None] * world_size()
    distributed.all_gather_object(texts, text)
    return [str(own) for own in texts]


def is_loss_of_a_process(error: Exception) -> bool:
    """Whether an error means that another process has ended, or does not answer."""
    return world_size() > 1 and isinstance(error, RuntimeError) and bool(_LOST.search(str(error)))


def _hung(own: Member, timeout_seconds: float, run: str) -> LostProcessError:
    return LostProcessError(
        Problem(
            "process-hung",
            f"another of the {own.world_size} processes has not answered for {timeout_seconds:g} seconds",
            expected="processes that compute at about the same speed; a longer "
            "`training.process_timeout` waits longer",
            next_step=f"attnforge train --resume {run}",
        )
    )
