"""Time every launch shape that is worth trying for each Triton program on the GPU at hand.

The operation runs once as it always does, and each launch of a Triton program is written down. It is then
launched again with the same arguments in other shapes. Shapes are compiled in parallel first. A shape counts
only if its results agree with those of the table's own launch. Rows are written as soon as a program is done.

    python benchmarks/tune_launches.py                    all programs, into $OUT or benchmarks/results/DEVICE
    python benchmarks/tune_launches.py --only half        those whose label holds the word
    python benchmarks/tune_launches.py --compile          only fill Triton's cache; needs no GPU
    python benchmarks/tune_launches.py --small            a few small shapes, to try the steps on a processor

Time on a GPU is short: what `--compile` puts into TRITON_CACHE_DIR on a machine with the same Triton is found
there on the GPU's machine, if the folder has the same path. TRITON_STORE_BINARY_ONLY=1 keeps it small.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from kernels import RESULTS, device_name
from launch_candidates import Group, candidates, groups
from launch_compiling import compile_all, portable
from launch_recording import Call, recorded

from attnforge.kernels.gpu import interpreted

RESULTS_OF = {
    "score": ("scores",),
    "slopes": ("pulls", "factors"),
    "learn_regions": ("learnt",),
    "learn_words": ("learnt",),
    "attend": ("context",),
    "learn": ("features_gradient", "words_gradient"),
}
"""The arguments that a program writes."""
FARTHEST = {"half": 2e-2, "tf32": 2e-3, "float32": 2e-5}
"""How far results may be from those of the table's launch, relative to the largest number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A shape and how long it took."""

    label: str
    shape: str
    milliseconds: float | None
    error: float | None
    """Beside the table's launch, relative to the largest number."""
    registers: int | None
    spilled: int | None
    note: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Time all groups; the exit code."""
    given = parser().parse_args(arguments)
    offline = interpreted() or given.compile
    device = torch.device("cpu" if offline else "cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU is available; to try the steps: TRITON_INTERPRET=1 ... --small", file=sys.stderr)
        return 1
    deadline = time.monotonic() + given.seconds
    work = [
        group
        for group in groups(device, small=given.small)
        if any(word in group.label for word in given.only)
    ]
    calls = {group.label: recorded(group, launched=not given.compile) for group in work}
    shapes = {group.label: shapes_of(group, calls[group.label]) for group in work}
    if given.compile:
        compile_all(calls, shapes, deadline, processes=given.processes, offline=True)
        return 0
    out = given.out or Path(os.environ.get("OUT") or RESULTS / device_name(device))
    out.mkdir(parents=True, exist_ok=True)
    compiled = None
    if device.type == "cuda":
        compiled = compile_all(calls, shapes, deadline - 0.4 * given.seconds, processes=given.processes)
    rows: list[Timed] = []
    for group in work:
        call = calls[group.label]
        for number, options in enumerate(shapes[group.label]):
            if time.monotonic() > deadline:
                break
            if compiled is not None and number and (group.label, number) not in compiled:
                continue
            with torch.no_grad():
                rows.append(timed(group, call, options, own=not number))
        write(out / "launches.csv", rows)
        print(best_of(group.label, rows), flush=True)
    print(f"written to {out}")
    return 0


def shapes_of(group: Group, call: Call) -> list[dict[str, Any]]:
    """The table's own shape, then the candidates without it."""
    tried = list(candidates(group, call.constants))
    names = {name for options in tried for name in options}
    own = {name: value for name, value in call.constants.items() if name in names}
    return [own, *(options for options in tried if options != own)]


def timed(group: Group, call: Call, options: dict[str, Any], *, own: bool) -> Timed:
    """Check a shape's results, and time it."""
    shape = " ".join(f"{name.removeprefix('num_').lower()}={value}" for name, value in options.items())
    shape += " (table)" if own else ""
    names = RESULTS_OF[group.program]
    try:
        expected = answers(call, {}, names)
        found = answers(call, options, names)
        error = max(
            ((one - other).abs().max() / other.abs().max()).item()
            for one, other in zip(found, expected, strict=True)
        )
        registers, spilled = resources_of(call, options)
        milliseconds = median_time(lambda: call.launch(options))
    except Exception as error_of_shape:  # a shape may ask for more than the GPU has
        said = [*str(error_of_shape).strip().splitlines(), ""][0]
        note = f"{type(error_of_shape).__name__}: {said[:100]}"
        return Timed(
            label=group.label,
            shape=shape,
            milliseconds=None,
            error=None,
            registers=None,
            spilled=None,
            note=note,
        )
    return Timed(
        label=group.label,
        shape=shape,
        milliseconds=milliseconds,
        error=error,
        registers=registers,
        spilled=spilled,
        note="" if error <= FARTHEST[group.kind] else "wrong results",
    )


def answers(call: Call, options: dict[str, Any], names: Sequence[str]) -> list[torch.Tensor]:
    """What a launch writes into cleared tensors."""
    for result in call.results(names):
        result.zero_()
    call.launch(options)
    return [result.to(torch.float32, copy=True) for result in call.results(names)]


def resources_of(call: Call, options: dict[str, Any]) -> tuple[int | None, int | None]:
    """Registers of a thread, and its spilled bytes."""
    if interpreted():
        return None, None
    module, name, arguments, constants = portable(call, options)
    kernel = getattr(importlib.import_module(module), name).warmup(*arguments, grid=(1,), **constants)
    kernel._init_handles()
    return kernel.n_regs, kernel.n_spills


def median_time(work: Any) -> float:
    """Milliseconds: on a GPU the median with the cache emptied before each run."""
    if interpreted():
        begun = time.perf_counter()
        work()
        return 1e3 * (time.perf_counter() - begun)
    from triton.testing import do_bench

    return float(do_bench(work, warmup=4, rep=25, return_mode="median"))


def best_of(label: str, rows: Sequence[Timed]) -> str:
    """The table's launch beside the fastest shapes of a group."""
    own = [row for row in rows if row.label == label and row.milliseconds is not None and not row.note]
    table = next((row for row in own if row.shape.endswith("(table)")), None)
    lines = [f"\n{label}"]
    best = sorted(own, key=lambda row: row.milliseconds or 0)[:3]
    for row in [table, *best] if table else best:
        lines.append(
            f"  {row.milliseconds:9.4f} ms  {row.shape}, {row.registers} registers, {row.spilled} spilled,"
            f" error {row.error:.1e}"
        )
    return "\n".join(lines)


def write(path: Path, rows: Sequence[Timed]) -> None:
    """All rows as a table."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*Timed.__dataclass_fields__])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--only",
        nargs="+",
        default=[""],
        help="groups whose label holds one of these: `half`, `score`, `attend`",
    )
    made.add_argument("--seconds", type=float, default=110, help="after which nothing more is timed")
    made.add_argument("--compile", action="store_true", help="only fill Triton's cache, without a GPU")
    made.add_argument("--processes", type=int, help="that compile; the cores but two without it")
    made.add_argument("--small", action="store_true", help="a few small shapes")
    made.add_argument("--out", type=Path, help="a folder; without it $OUT, or benchmarks/results/DEVICE")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
