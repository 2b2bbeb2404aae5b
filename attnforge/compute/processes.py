"""Joins the processes that train together, as torchrun or SLURM has started them."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch.distributed import PrefixStore  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from attnforge.compute.collectives import world_size
from attnforge.errors import AttnforgeError, Problem, RunError

RESTARTS = "TORCHELASTIC_RESTART_COUNT"
"""The variable in which torchrun counts how often it has started all processes again."""
_LOST = re.compile(
    r"connection (closed|reset|refused)|broken pipe|timed out|timeout|gloo|nccl|remote process", re.IGNORECASE
)
_HUNG = re.compile(r"timed out|timeout", re.IGNORECASE)
_REPORT_SECONDS = 2.0
"""How long a process that lost another leaves it time to say what happened."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the processes that train together.

    Args:
        rank: Its number, from 0.
        world_size: How many there are.
        local_rank: Its number on its machine, which selects its GPU.
        restarts: How often all of them were started again after one had failed.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    restarts: int = 0

    @staticmethod
    def of(environment: Mapping[str, str]) -> Member:
        """What torchrun's or SLURM's variables say; the only process without them.

        Raises:
            RunError: they contradict one another.
        """
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        if not {"RANK", "WORLD_SIZE"} <= environment.keys():
            if not _is_slurm_step(environment):
                return Member()
            names = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")
        try:
            rank, count, local = (int(environment.get(name, "0")) for name in names)
            restarts = int(environment.get(RESTARTS, "0"))
        except ValueError:
            rank, count, local, restarts = -1, 0, 0, 0
        if not 0 <= rank < count:
            values = ", ".join(f"{name}={environment.get(name)}" for name in names)
            raise RunError(
                Problem(
                    "bad-environment",
                    f"the variables {values} do not describe one of several processes",
                    expected="numbers as torchrun sets them, or none of these variables",
                    next_step=f"unset {' '.join(names)}",
                )
            )
        return Member(rank, count, local, restarts)


def member() -> Member:
    """Which of the processes that train together this is.

    Raises:
        RunError: the variables of torchrun or SLURM contradict one another.
    """
    return Member.of(os.environ)


@contextmanager
def joined(own: Member, *, device: torch.device, timeout_seconds: float) -> Iterator[None]:
    """A context in which this process and the others can exchange tensors; alone, it does nothing.

    An error that several processes run into is printed by the first; the others end quietly, as do those that
    lose the connection because another has failed.

    Args:
        own: Which process this is.
        device: Where it computes.
        timeout_seconds: After how long a process that does not answer counts as failed.

    Raises:
        RunError: another process has ended or does not answer.
    """
    if own.world_size == 1:
        yield
        return
    timeout = timedelta(seconds=timeout_seconds)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        for name, value in _meeting_point(os.environ).items():
            os.environ.setdefault(name, value)
        store, _, _ = next(iter(rendezvous("env://", own.rank, own.world_size, timeout=timeout)))
        store = PrefixStore(f"attnforge/{own.restarts}", store)
        distributed.init_process_group(
            # tensors on the CPU, such as the flag that stops all, must not wait for a GPU
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            store=store,
            rank=own.rank,
            world_size=own.world_size,
            timeout=timeout,
        )
    except Exception as error:
        raise _not_joined(own, error) from error
    try:
        yield
    except Exception as error:
        translated = _translated(error, own, timeout_seconds)
        if translated is None:
            raise
        if not _first_to_report(store, waits=translated is not error):
            raise SystemExit(1) from error
        translated.add_note(f"in process {own.rank} of {own.world_size}")
        raise translated from error
    finally:
        # after an error others may never come to the end, and this process must not wait for them
        with suppress(Exception):
            distributed.destroy_process_group()


def barrier() -> None:
    """Wait until all processes have come here."""
    if world_size() > 1:
        distributed.all_reduce(torch.zeros(1))


def any_process(condition: bool) -> bool:
    """Whether a condition holds in any process; all of them have to ask."""
    if world_size() == 1:
        return condition
    flag = torch.tensor([int(condition)])
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag.item())


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


def _is_slurm_step(environment: Mapping[str, str]) -> bool:
    """Whether `srun` has started this process beside others; in an allocation's shell there is no step."""
    several = environment.get("SLURM_NTASKS", "1") != "1" and "SLURM_PROCID" in environment
    interactive = environment.get("SLURM_JOB_NAME") in ("bash", "interactive")
    return several and "SLURM_STEP_ID" in environment and not interactive


def _meeting_point(environment: Mapping[str, str]) -> dict[str, str]:
    """Address and port of the first process; torchrun has set them, SLURM has not."""
    if "MASTER_ADDR" in environment or "SLURM_JOB_NODELIST" not in environment:
        return {}
    nodes = environment["SLURM_JOB_NODELIST"]
    command = ["scontrol", "show", "hostnames", nodes]  # SLURM's own, found as its users find it
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    job = int(environment.get("SLURM_JOB_ID", "0"))
    return {"MASTER_ADDR": listed.stdout.split()[0], "MASTER_PORT": str(15_000 + job % 20_000)}


def _translated(error: Exception, own: Member, timeout_seconds: float) -> AttnforgeError | None:
    """The error as it is for users; None for a bug, which needs its traceback."""
    if isinstance(error, AttnforgeError):
        return error
    if not is_loss_of_a_process(error):
        return None
    if _HUNG.search(str(error)):
        return RunError(
            Problem(
                "process-hung",
                f"another of the {own.world_size} processes has not answered for {timeout_seconds:g} seconds",
                expected="processes that compute at about the same speed; a longer "
                "`training.process_timeout` waits longer",
                next_step="attnforge train --resume RUN",
            )
        )
    return RunError(
        Problem(
            "process-lost",
            f"another of the {own.world_size} processes has ended",
            expected="its own message above, unless it was killed, as the system does when memory runs out",
            next_step="attnforge train --resume RUN",
        )
    )


def _first_to_report(store: distributed.Store, *, waits: bool) -> bool:
    if waits:
        time.sleep(_REPORT_SECONDS)
    try:
        return int(store.add("errors", 1)) == 1
    except Exception:  # the first process, which keeps the store, is gone: it has reported, or was killed
        return False


def _not_joined(own: Member, error: Exception) -> RunError:
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
