"""Check attnforge on a GPU in four parts of two minutes: what the kernels compute, a training beside a
processor's, how fast the kernels are, and how fast a training step is.

Each part writes what it has at once, so that a run that is cut leaves what it measured, and a line of each
part is printed last. The exit code is 1 where something is wrong or no GPU is available; a goal of speed that
was missed is only printed.

    make gpu-check                                        with the environment that make installs
    make gpu-check GPU_PYTHON=python3                     with a Python that has torch, Triton and pytest, and
                                                          the wheels of benchmarks/carry.sh in build/carry
    make gpu-check ARGS="--part kernels training"         some of the parts
    make gpu-check ARGS="--device cpu --small"            on a processor, to try the steps
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from gpu_kernels import measure_kernels
from gpu_quickstart import check_quickstart
from gpu_tests import check_kernels, kernel_tests
from kernel_rows import about
from kernels import RESULTS, device_name

PART_SECONDS = 115.0

Part = Callable[[argparse.Namespace, Path, float], list[str]]
"""Takes the command line, the folder for results and a number of seconds; gives what is wrong."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; the exit code."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # its profiler tells of every start otherwise
    given = parser().parse_args(arguments)
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU is available: nothing was checked", file=sys.stderr)
        return 1
    out = given.out or Path(os.environ.get("OUT") or RESULTS / device_name(device))
    out.mkdir(parents=True, exist_ok=True)
    lines = [f"{device_name(device)}, torch {torch.__version__}"]
    problems: list[str] = []
    for name in given.part:
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        try:
            wrong = PARTS[name](given, out, given.seconds)
        except Exception as error:  # the parts after it can still tell something
            traceback.print_exc()
            wrong = [f"{name} was broken off: {type(error).__name__}: {error}"]
        problems += wrong
        lines.append(f"{name}: {'; '.join(wrong) or 'done'} ({time.monotonic() - begun:.0f} s)")
        (out / "summary.txt").write_text("\n".join([*lines, ""]))
    print("\n".join(["", *lines, f"written to {out}"]))
    return 1 if problems else 0


def tests(given: argparse.Namespace, out: Path, seconds: float) -> list[str]:
    """The tests of the kernels, and the memory checker."""
    return check_kernels(given.tests or kernel_tests(), out, seconds=seconds)


def quickstart(given: argparse.Namespace, out: Path, seconds: float) -> list[str]:
    """The quickstart on the device beside a processor."""
    return check_quickstart(out, device=given.device, seconds=seconds, small=given.small)


def kernels(given: argparse.Namespace, out: Path, seconds: float) -> list[str]:
    """The kernels beside every other provider."""
    device = torch.device(given.device)
    on = about(device_name(device), commit=given.commit)
    return measure_kernels(out, device=device, on=on, seconds=seconds, small=given.small)


def training(given: argparse.Namespace, out: Path, seconds: float) -> list[str]:
    """A training step, and sampling, compared with the official implementation."""
    from training import main as measure_training  # builds models, which the other parts do not need

    options = ["--device", given.device, "--seconds", str(seconds), "--out", str(out)]
    status = measure_training([*options, *(["--small"] if given.small else [])])
    return [] if status == 0 else [f"benchmarks/training.py ended with exit code {status}"]


PARTS: dict[str, Part] = {"tests": tests, "quickstart": quickstart, "kernels": kernels, "training": training}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--part", nargs="+", choices=[*PARTS], default=[*PARTS], help="all without it")
    made.add_argument("--device", default="cuda", help="cuda, or cpu to try the steps")
    made.add_argument("--small", action="store_true", help="a few small sizes and steps only")
    made.add_argument("--seconds", type=float, default=PART_SECONDS, help="of each part, about")
    made.add_argument("--tests", nargs="+", type=Path, help="test files instead of those of the kernels")
    made.add_argument("--commit", help="what is checked, where git cannot tell")
    made.add_argument("--out", type=Path, help="a folder; without it $OUT, or benchmarks/results/DEVICE")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
