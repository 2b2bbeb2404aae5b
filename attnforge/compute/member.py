"""Which of the processes that train together this is, as torchrun or SLURM says; imports no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from attnforge.errors import Problem, RunError

RESTARTS = "TORCHELASTIC_RESTART_COUNT"
"""The variable in which torchrun counts how often it has started all processes again."""


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


def train_command(own: Member, environment: Mapping[str, str]) -> str:
    """The command that trains in as many processes as now, without its arguments."""
    if own.world_size == 1:
        return "attnforge train"
    if "RANK" not in environment:
        return "srun attnforge train"
    here = environment.get("LOCAL_WORLD_SIZE", "")
    machines = own.world_size // int(here) if here.isdecimal() and int(here) else 1
    if machines <= 1:
        return f"attnforge launch --processes {own.world_size} train"
    return f"attnforge launch --processes {here} --machines {machines} --meet HOST:PORT train"


def _is_slurm_step(environment: Mapping[str, str]) -> bool:
    """Whether `srun` has started this process beside others; in an allocation's shell there is no step."""
    several = environment.get("SLURM_NTASKS", "1") != "1" and "SLURM_PROCID" in environment
    interactive = environment.get("SLURM_JOB_NAME") in ("bash", "interactive")
    return several and "SLURM_STEP_ID" in environment and not interactive
