"""Check the kernels on a GPU in eight minutes: what they compute, then how fast, then where the time goes.

Everything is written into one folder, and a short table of goals is printed last. The exit code is 1 where a
test failed or no GPU is at hand; a goal that was missed is only told.

    make gpu-check                                        with the environment that make installs
    make gpu-check GPU_PYTHON=python3                     with a Python that has torch, Triton and pytest
    make gpu-check ARGS="--device cpu --small"            on a processor, to try the steps
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import torch
from gpu_goals import lines_of_goals, outcomes
from kernel_cases import ATTENTION, MATCHING, Case
from kernel_limits import Limits
from kernel_measuring import measure
from kernel_plot import draw
from kernel_profile import profiled
from kernel_rooflines import measure_peaks
from kernel_rows import About, Row, about, lines_of, write_rows
from kernels import RESULTS, device_name

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "kernels"
TESTING = 85.0
"""Seconds for each of the two parts of the tests."""
MEASURING = 400.0
"""Seconds from the start after which nothing more is measured."""
TRAINED = ("forward", "backward", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A case with how it is measured."""

    case: Case
    named: tuple[str, ...] = ()
    without: tuple[str, ...] = ("reference",)
    rounds: int = 25
    seconds: float = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all steps; the exit code."""
    begun = time.monotonic()
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    given = parser().parse_args(arguments)
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU is at hand: the check of the kernels on a GPU was not run", file=sys.stderr)
        return 1
    out = given.out or Path(os.environ.get("OUT") or RESULTS / device_name(device))
    out.mkdir(parents=True, exist_ok=True)
    passed = [
        tested(paths, out / name, seconds=TESTING)
        for name, paths in (("tests-gpu.log", given.tests or gpu_tests()), ("tests.log", other_tests(given)))
        if paths
    ]
    tasks = small_tasks(device) if given.small else large_tasks(device)
    on = about(device_name(device), commit=given.commit)
    rows = benchmarked(tasks, device, out, on=on, deadline=begun + MEASURING)
    steps = profiled_tasks(tasks)
    (out / "profile.txt").write_text("\n".join(profiled(case) for case in steps))
    lines = [
        f"{device_name(device)}, torch {torch.__version__}, {time.monotonic() - begun:.0f} s",
        f"tests: {'passed' if all(passed) else 'FAILED, see the logs'}",
        *lines_of_goals(outcomes(rows)),
    ]
    (out / "summary.txt").write_text("\n".join([*lines, ""]))
    print("\n".join(["", *lines, f"written to {out}"]))
    return 0 if all(passed) else 1


def gpu_tests() -> list[Path]:
    """The tests that need a GPU."""
    return sorted(TESTS.glob("*gpu*.py"))


def other_tests(given: argparse.Namespace) -> list[Path]:
    """The tests of what kernels compute, which take a GPU where one is."""
    return [] if given.tests else sorted(set(TESTS.glob("test_*.py")) - set(gpu_tests()))


def tested(paths: Sequence[Path], log: Path, *, seconds: float) -> bool:
    """Whether tests pass within their time; what they print is in the log."""
    print(f"tests: {', '.join(path.name for path in paths)}", flush=True)
    processes = min(8, (os.cpu_count() or 1) // 2)
    parallel = ["-n", str(processes)] if find_spec("xdist") and processes > 1 else []
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not long", *parallel, *map(str, paths)]
    with log.open("w") as opened:
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=ROOT, stdout=opened, stderr=subprocess.STDOUT, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            opened.write(f"\nstopped after {seconds:.0f} s\n")
            print(f"stopped after {seconds:.0f} s", flush=True)
            return False
    print((log.read_text().strip().splitlines() or ["nothing was printed"])[-1], flush=True)
    return done.returncode == 0


def benchmarked(
    tasks: Sequence[Task], device: torch.device, out: Path, *, on: About, deadline: float
) -> list[Row]:
    """Measure the tasks in their order, as far as time allows, and write the table and its picture."""
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
    compiled = ("torch.compile", "FlexAttention")
    matching = Case(operation=MATCHING, device=device, dtype=half, batch=48, queries=289, width=256)
    attention = Case(operation=ATTENTION, device=device, dtype=half, batch=16, queries=16384, width=32)
    return [
        *(Task(case=replace(matching, dtype=dtype)) for dtype in (half, whole)),
        *(Task(case=replace(attention, dtype=dtype)) for dtype in (half, whole)),
        *(Task(case=replace(matching, batch=256, dtype=dtype)) for dtype in (half, whole)),
        Task(case=replace(matching, batch=1024), without=("reference", "torch.compile"), rounds=5),
        Task(case=replace(matching, batch=8192), named=("attnforge triton",), rounds=1),
        Task(case=replace(attention, width=48)),
        Task(case=replace(attention, joined=True), without=("reference", *compiled)),
        Task(case=replace(attention, joined=True, channels_last=True), without=("reference", *compiled)),
        *(
            Task(
                case=replace(attention, queries=queries, width=width, dtype=dtype),
                without=("reference", *compiled),
            )
            for queries in (4096, 16384, 65536)
            for width in (32, 48)
            for dtype in (half, whole)
            if (queries, width) != (16384, 32) and (queries, width, dtype) != (16384, 48, half)
        ),
        Task(case=replace(matching, batch=256, ragged=True), without=("reference", "torch.compile")),
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


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--device", default="cuda", help="cuda, or cpu to try the steps")
    made.add_argument("--small", action="store_true", help="measure a few small sizes only")
    made.add_argument("--tests", nargs="+", type=Path, help="test files instead of those of the kernels")
    made.add_argument("--commit", help="what is checked, where git cannot tell")
    made.add_argument("--out", type=Path, help="a folder; without it $OUT, or benchmarks/results/DEVICE")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
