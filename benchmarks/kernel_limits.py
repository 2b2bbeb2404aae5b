"""Which providers are skipped in a case because of their time or memory in a smaller one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import torch
from kernel_cases import MATCHING, Case
from kernel_memory import MEGA, Memory
from kernel_providers import Provider
from kernel_rooflines import MODES

SHARE = 0.7
"""Of the memory that is free, what a provider may need."""
COMPILING = 25.0
"""Seconds that a compiler may take, below which it is not begun before the deadline."""


@dataclass(frozen=True, slots=True)
class _Seen:
    size: float
    seconds: float
    kept: float | None


@dataclass(slots=True)
class Limits:
    """Remembers what providers took, and refuses what would take too long or too much.

    Args:
        slowest: Seconds that one turn in all modes may take.
        deadline: The time, as `time.monotonic` tells it, after which nothing new is begun; None for never.
    """

    slowest: float = 20.0
    deadline: float | None = None
    _seen: dict[tuple[str, str, str], _Seen] = field(default_factory=dict)

    def refuse(self, case: Case, provider: Provider) -> str:
        """Why a provider should not run there, or nothing."""
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left < (COMPILING if provider.compiled else 0):
                return "skipped: the time for the benchmark was up"
        seen = self._seen.get(_key(case, provider.name)) or self._seen.get(_key(case, provider.like))
        if seen is None:
            return ""
        grown = _size(case) / seen.size
        if seen.seconds * grown > self.slowest:
            return f"skipped: a repetition would take about {seen.seconds * grown:.0f} s"
        if seen.kept is not None and seen.kept * grown > (room := free_megabytes(case.device)) * SHARE:
            return (
                f"skipped: it would keep {seen.kept * grown / 1e3:.0f} GB, and {room / 1e3:.0f} GB are free"
            )
        return ""

    def note(
        self, case: Case, provider: Provider, seconds: float, memory: Memory | None
    ) -> tuple[tuple[str, ...], str]:
        """Remember what a turn took; in which modes it took too long to be repeated, and the reason."""
        kept = memory.kept_beside_inputs if memory is not None else None
        self._seen[_key(case, provider.name)] = _Seen(_size(case), seconds, kept)
        if seconds <= self.slowest:
            return (), ""
        return MODES, f"skipped: a repetition takes {seconds:.0f} s"


def free_megabytes(device: torch.device) -> float:
    """Memory that is not taken, that which torch holds for later included."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return (torch.cuda.mem_get_info(device)[0] + cached) / MEGA
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MEGA


def _key(case: Case, name: str) -> tuple[str, str, str]:
    return case.operation, str(case.dtype), name


def _size(case: Case) -> float:
    """What time and memory grow with."""
    pairs = case.batch**2 if case.operation == MATCHING else case.batch
    return float(pairs * case.queries * case.width * case.words)
