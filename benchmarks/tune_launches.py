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
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import torch
from kernel_cases import GAMMAS, MATCHING
from kernels import RESULTS, device_name
from launch_candidates import Group, candidates, groups

from attnforge.kernels.gpu import interpreted
from attnforge.kernels.region_matching import gpu as matching
from attnforge.kernels.region_matching import gpu_gradient as matching_gradient
from attnforge.kernels.region_matching import launches as matching_launches
from attnforge.kernels.word_attention import gpu as attention
from attnforge.kernels.word_attention import programs as attention_programs

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


@dataclass(frozen=True, slots=True)
class Call:
    """A launch of a program: everything but its shape."""

    program: Any
    grid: Any
    arguments: tuple[Any, ...]
    constants: dict[str, Any]

    def launch(self, options: dict[str, Any]) -> None:
        """Launch again, in another shape."""
        self.program[self.grid](*self.arguments, **(self.constants | options))

    def results(self, names: Sequence[str]) -> list[torch.Tensor]:
        """The tensors of some arguments."""
        return [self.arguments[self.program.arg_names.index(name)] for name in names]


@dataclass(slots=True)
class Recording:
    """Stands in for a program, and writes down how it is launched."""

    program: Any
    calls: list[Call]
    launched: bool
    """Whether it is launched at all."""

    def __getitem__(self, grid: Any) -> Any:
        def launch(*arguments: Any, **constants: Any) -> None:
            self.calls.append(Call(self.program, grid, arguments, constants))
            if self.launched:
                self.program[grid](*arguments, **constants)

        return launch


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


def recorded(group: Group, *, launched: bool) -> Call:
    """Run a group's operation and give the launch of its program that does the most work."""
    calls: list[Call] = []
    inputs = group.case.inputs().detached()
    with recording(group.program, calls, launched=launched), torch.no_grad():
        if group.case.operation == MATCHING:
            sharpness: dict[str, Any] = {**GAMMAS, "precision": "tf32" if group.kind == "tf32" else "auto"}
            vectors = inputs.words, inputs.asked, inputs.lengths
            scores = matching.forward(*vectors, **sharpness)
            matching_gradient.backward(inputs.pull, scores, *vectors, **sharpness, sparse=False)
        else:
            maps = inputs.asked, inputs.words, inputs.padding
            attention.forward(*maps, join=False, weights=False)
            attention.backward(inputs.pull, None, *maps, join=False)
    # of region matching's buckets of captions, the last holds all captions of full length
    return max(calls[:4], key=lambda call: call.constants["WORDS"])


@contextmanager
def recording(program: str, calls: list[Call], *, launched: bool) -> Iterator[None]:
    """Write down the launches of a program; where `launched` is off, no program is launched."""
    of_matching: dict[str, Any] = {str(name): one for name, one in matching_launches.PROGRAMS.items()}
    of_attention: dict[str, Any] = {name: getattr(attention_programs, name) for name in ("attend", "learn")}
    known = of_matching | of_attention
    recordings = {
        name: Recording(one, calls if name == program else [], launched) for name, one in known.items()
    }
    put_programs({name: recordings[name] for name in of_matching}, {n: recordings[n] for n in of_attention})
    try:
        yield
    finally:
        put_programs(of_matching, of_attention)


def put_programs(of_matching: dict[str, Any], of_attention: dict[str, Any]) -> None:
    """Let the operations launch these."""
    matching_launches.PROGRAMS.update(of_matching)  # type: ignore[arg-type]
    for name, program in of_attention.items():
        setattr(attention_programs, name, program)


def shapes_of(group: Group, call: Call) -> list[dict[str, Any]]:
    """The table's own shape, then the candidates without it."""
    tried = list(candidates(group, call.constants))
    names = {name for options in tried for name in options}
    own = {name: value for name, value in call.constants.items() if name in names}
    return [own, *(options for options in tried if options != own)]


def compile_all(
    calls: dict[str, Call],
    shapes: dict[str, list[dict[str, Any]]],
    deadline: float,
    *,
    processes: int | None,
    offline: bool = False,
) -> set[tuple[str, int]]:
    """Compile every shape in other processes, which share Triton's cache on disk; gives the finished ones.

    Args:
        calls: A launch of each group.
        shapes: The shapes of each group.
        deadline: The time, as `time.monotonic` tells it, after which no more are waited for.
        processes: How many; as many as there are cores, but for two, when not given.
        offline: Compile for compute capability 9.0 without a GPU.
    """
    count = min(sum(map(len, shapes.values())), processes or max(1, (os.cpu_count() or 1) - 2))
    context = get_context("spawn")
    pool = ProcessPoolExecutor(count, context, stand_in_for_a_gpu if offline else None)
    # group after group, as they will be timed: what is not ready in time is of the last ones
    waiting = {
        pool.submit(compile_one, *portable(calls[label], options)): (label, number)
        for label, of_group in shapes.items()
        for number, options in enumerate(of_group)
    }
    finished, late = wait(waiting, timeout=max(1.0, deadline - time.monotonic()))
    for future in late:
        future.cancel()
    pool.shutdown(wait=False, cancel_futures=True)
    for process in active_children():
        process.terminate()  # a compiler that is still at work would hold up the end
    errors = [error for future in finished if (error := future.exception()) is not None]
    print(f"{len(finished)} shapes compiled, {len(errors)} refused, {len(late)} not in time", flush=True)
    if errors:
        print(f"the last refused: {errors[-1]}"[:300], flush=True)
    return {waiting[future] for future in finished if future.exception() is None}


class StandIn:
    """What Triton asks its driver for before it compiles, of an H100 that is not there."""

    def get_current_device(self) -> int:
        """The first."""
        return 0

    def get_current_stream(self, device: int) -> int:
        """The default one."""
        return 0

    def get_current_target(self) -> Any:
        """Compute capability 9.0."""
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)


def stand_in_for_a_gpu() -> None:
    """Let Triton compile in this process as if there was a GPU."""
    import triton

    triton.runtime.driver.set_active(StandIn())


def portable(call: Call, options: dict[str, Any]) -> tuple[str, str, list[Any], dict[str, Any]]:
    """A launch that another process can compile: tensors become their types."""
    function = call.program.fn
    arguments = [one.dtype if isinstance(one, torch.Tensor) else one for one in call.arguments]
    return function.__module__, function.__name__, arguments, call.constants | options


def compile_one(module: str, name: str, arguments: list[Any], constants: dict[str, Any]) -> None:
    """Compile a launch into Triton's cache."""
    getattr(importlib.import_module(module), name).warmup(*arguments, grid=(1,), **constants)


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
