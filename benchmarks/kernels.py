"""How fast the kernels are, and how much memory they take, beside the official formulas and torch's own.

Every provider of an operation computes the same from the same inputs: the official formulas written anew,
plain torch without loops, that compiled, torch's attentions where they can express word attention, and each
kernel of attnforge. They take turns, and a ratio is one of neighbouring turns. On a processor the processor
time counts, so that what other processes do matters little; on a GPU the time on it, with its cache emptied.
Each row has the share of what the device could do at most, as measured in the same run.

    python benchmarks/kernels.py                              both operations, one thread and two
    python benchmarks/kernels.py --plot                       over batch sizes, and an image of that
    python benchmarks/kernels.py --operation word-attention --dtype bfloat16 --sizes 4096x48 --batch 4 16
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import torch
from kernel_allocator import keep_freed_memory
from kernel_cases import ATTENTION, MATCHING, Case
from kernel_limits import Limits
from kernel_measuring import measure
from kernel_plot import draw
from kernel_rooflines import MODES, PeaksOf, measure_peaks
from kernel_rows import About, Row, about, lines_of, write_rows

RESULTS = Path(__file__).parent / "results"
USUAL_SIZES = {MATCHING: (289, 256), ATTENTION: (16384, 32)}
"""Queries and width by operation."""
USUAL_BATCH = {MATCHING: 48, ATTENTION: 16}
PLOT = "several batch sizes, drawn in kernels.svg: float32, one thread, training, where nothing else is said"
PLOTTED = {MATCHING: (4, 8, 16, 32, 48), ATTENTION: (1, 2, 4, 8, 16)}
"""Batch sizes of the plot."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit code."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # its profiler tells of every start otherwise
    given = parser().parse_args(arguments)
    given.threads = given.threads or ([1] if given.plot else [1, 2])
    given.dtype = given.dtype or (["float32"] if given.plot else ["float32", "bfloat16"])
    given.mode = given.mode or (["both"] if given.plot else list(MODES))
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU is at hand", file=sys.stderr)
        return 1
    out = given.out or RESULTS / device_name(device)
    if given.keep_memory and not keep_freed_memory():
        print("the system's allocator has no option to keep memory", file=sys.stderr)
        return 1
    on = about(given.name or out.name, keeping=given.keep_memory, commit=given.commit)
    deadline = None if given.minutes is None else time.monotonic() + 60 * given.minutes
    limits = Limits(slowest=given.slowest, deadline=deadline)
    rows: list[Row] = []
    for threads in given.threads if device.type == "cpu" else (torch.get_num_threads(),):
        torch.set_num_threads(threads)
        peaks = cache(partial(measure_peaks, device, seconds=min(0.5, given.seconds)))
        for case in cases(given, device):
            rows += measured(case, given, on=on, peaks=peaks, limits=limits)
            write_rows(out / f"{given.table}.csv", rows)
    if given.plot:
        (out / "kernels.svg").write_text(draw(rows, device=on.device))
    print(f"written to {out}")
    return 0


def measured(
    case: Case, given: argparse.Namespace, *, on: About, peaks: PeaksOf, limits: Limits
) -> list[Row]:
    """Measure one case and print it."""
    rows = measure(
        case,
        on=on,
        peaks=peaks,
        limits=limits,
        modes=given.mode,
        rounds=given.rounds,
        seconds=given.seconds,
        named=given.provider,
        without=given.without,
    )
    first = rows[0]
    sizes = f"{first.batch} x {first.queries} x {first.width}, {first.words} words {first.variant}".strip()
    print(f"\n{first.operation}, {sizes}, {first.dtype}, {first.threads} thread(s), {on.device}")
    reached = peaks(first.dtype)
    most = f"{1e-12 * reached.operations:.3g} Tera-operations and {1e-9 * reached.bytes:.3g} GB a second"
    print(f"measured at the most: {most}")
    print("\n".join(lines_of(rows)), flush=True)
    return rows


def cases(given: argparse.Namespace, device: torch.device) -> Iterator[Case]:
    """The cases that are asked for, small before large."""
    for operation in given.operation:
        batches = PLOTTED[operation] if given.plot else (USUAL_BATCH[operation],)
        for dtype in given.dtype:
            for queries, width in sorted(given.sizes or [USUAL_SIZES[operation]]):
                for batch in sorted(given.batch or batches):
                    yield Case(
                        operation=operation,
                        device=device,
                        dtype=getattr(torch, dtype),
                        batch=batch,
                        queries=queries,
                        width=width,
                        words=given.words,
                        ragged=given.ragged,
                        joined=given.joined and operation == ATTENTION,
                        channels_last=given.channels_last and operation == ATTENTION,
                    )


def device_name(device: torch.device) -> str:
    """What a folder of results is called: `nvidia-h100-80gb-hbm3`, `xeon-2-cores`."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        said = re.sub(
            r"\((r|tm)\)|\bintel\b|\bamd\b|\bcpu\b|\d+-core|processor|@.*", " ", processor().lower()
        )
        name = f"{said} {os.cpu_count()} cores"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--operation", nargs="+", choices=[*USUAL_SIZES], default=[*USUAL_SIZES])
    made.add_argument("--device", default="cpu", help="cpu or cuda")
    made.add_argument("--threads", nargs="+", type=int, help="of a processor; 1 and 2 without it")
    made.add_argument(
        "--dtype",
        nargs="+",
        choices=["float32", "bfloat16", "float16"],
        help="the first two without it",
    )
    made.add_argument("--batch", nargs="+", type=int, help="images, and as many captions")
    made.add_argument(
        "--sizes", nargs="+", type=size, help="QUERIESxWIDTH: pixels and channels, or regions and width"
    )
    made.add_argument("--words", type=int, default=18)
    made.add_argument("--ragged", action="store_true", help="captions of 8 words and more, not all of them")
    made.add_argument("--joined", action="store_true", help="word attention gives features and context")
    made.add_argument("--channels-last", action="store_true", help="how feature maps stand in memory")
    made.add_argument("--keep-memory", action="store_true", help="let the allocator keep what is freed")
    made.add_argument("--mode", nargs="+", choices=MODES, help="all without it")
    made.add_argument(
        "--provider", nargs="+", default=[], help="names, or parts of them; official runs anyway"
    )
    made.add_argument("--without", nargs="+", default=[], help="names, or parts of them, to skip")
    made.add_argument("--rounds", type=int, default=15, help="at most")
    made.add_argument("--seconds", type=float, default=20, help="of repetitions for each case")
    made.add_argument("--slowest", type=float, default=60, help="seconds that a provider's turn may take")
    made.add_argument("--minutes", type=float, help="after which nothing more is begun")
    made.add_argument("--name", help="what the machine is called in the results; else the folder's name")
    made.add_argument("--commit", help="what is measured, where git cannot tell")
    made.add_argument("--table", default="kernels", help="the name of the CSV file")
    made.add_argument("--out", type=Path, help="a folder; benchmarks/results/DEVICE without it")
    made.add_argument("--plot", action="store_true", help=PLOT)
    return made


def size(text: str) -> tuple[int, int]:
    """`16384x32` as two numbers."""
    queries, _, width = text.partition("x")
    return int(queries), int(width)


def processor() -> str:
    """What the processor says that it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


if __name__ == "__main__":
    raise SystemExit(main())
