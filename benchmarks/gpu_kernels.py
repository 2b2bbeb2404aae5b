"""The kernels on a GPU beside every other way of computing the same, the most telling sizes first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from gpu_goals import lines_of_goals, outcomes
from kernel_cases import ATTENTION, MATCHING, Case
from kernel_limits import Limits
from kernel_measuring import measure
from kernel_plot import draw
from kernel_profile import profiled
from kernel_rooflines import measure_peaks
from kernel_rows import About, Row, lines_of, write_rows

TRAINED = ("forward", "backward", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A case with how it is measured."""

    case: Case
    named: tuple[str, ...] = ()
    without: tuple[str, ...] = ("reference", "torch.compile", "FlexAttention")
    """Providers that are skipped: compilers take too long for every size."""
    rounds: int = 25
    seconds: float = 1.5


def measure_kernels(out: Path, *, device: torch.device, on: About, seconds: float, small: bool) -> list[str]:
    """Measure within a time, and write `kernels.csv`, `kernels.svg`, `profile.txt` and `goals.txt`.

    Args:
        out: The folder.
        device: Where.
        on: What the rows say of the machine.
        seconds: After how long nothing more is begun.
        small: A few sizes that a processor measures in seconds.
    """
    tasks = small_tasks(device) if small else large_tasks(device)
    rows = benchmarked(tasks, device, out, on=on, deadline=time.monotonic() + seconds)
    goals = lines_of_goals(outcomes(rows))
    (out / "goals.txt").write_text("\n".join([*goals, ""]))
    print("\n".join(goals), flush=True)
    (out / "profile.txt").write_text("\n".join(profiled(case) for case in profiled_tasks(tasks)))
    return []


def benchmarked(
    tasks: Sequence[Task], device: torch.device, out: Path, *, on: About, deadline: float
) -> list[Row]:
    """Measure the tasks in their order, as far as time allows, and write the table and its image."""
    limits = Limits(slowest=30, deadline=deadline)
    peaks = cache(partial(measure_peaks, device, seconds=min(0.5, tasks[0].seconds)))
    rows: list[Row] = []
    for task in tasks:
        case = task.case
        found = measure(
            case,
            on=on,
            peaks=peaks,
            limits=limits,
            modes=TRAINED,
            rounds=task.rounds,
            seconds=task.seconds,
            named=task.named,
            without=task.without,
        )
        rows += found
        first = found[0]
        sizes = f"{case.batch} x {case.queries} x {case.width}"
        print(f"\n{case.operation}, {sizes}, {first.dtype} {first.variant}".rstrip())
        print("\n".join(lines_of(found)), flush=True)
        write_rows(out / "kernels.csv", rows)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    drawn = [row for row in rows if row.operation == MATCHING and row.dtype == rows[0].dtype]
    (out / "kernels.svg").write_text(draw(drawn, device=on.device))
    return rows


def large_tasks(device: torch.device) -> list[Task]:
    """What is measured on a GPU, the most telling first."""
    half, whole = torch.bfloat16, torch.float32
    matching = Case(operation=MATCHING, device=device, dtype=half, batch=48, queries=289, width=256)
    attention = Case(operation=ATTENTION, device=device, dtype=half, batch=16, queries=16384, width=32)
    large = replace(matching, batch=256)
    return [
        Task(case=matching, without=("reference",)),
        Task(case=attention, without=("reference",)),
        Task(case=large),
        *(Task(case=case.of(whole)) for case in (matching, attention, large)),
        Task(case=replace(attention, joined=True)),
        Task(case=replace(attention, joined=True, channels_last=True)),
        *(
            Task(case=replace(attention, queries=queries, width=width, dtype=dtype))
            for dtype in (half, whole)
            for width in (32, 48)
            for queries in (4096, 16384, 65536)
            if (queries, width) != (16384, 32)
        ),
        Task(case=replace(large, ragged=True)),
        Task(case=replace(matching, batch=1024), rounds=3),
        Task(case=replace(matching, batch=8192), named=("attnforge triton",), rounds=1),
    ]


def small_tasks(device: torch.device) -> list[Task]:
    """A few sizes that a processor measures in seconds."""
    matching = Case(
        operation=MATCHING, device=device, dtype=torch.float32, batch=2, queries=12, width=16, words=5
    )
    attention = replace(matching, operation=ATTENTION, queries=64)
    without = ("torch.compile", "FlexAttention")
    cases = (matching, replace(matching, batch=4), attention, replace(attention, joined=True))
    return [Task(case=case, without=without, rounds=2, seconds=0.1) for case in cases]


def profiled_tasks(tasks: Sequence[Task]) -> list[Case]:
    """The first case of each operation."""
    first: dict[str, Case] = {}
    for task in tasks:
        first.setdefault(task.case.operation, task.case)
    return list(first.values())
