"""How fast adversarial steps are, compared with the official implementation, and how fast sampling is.

A step goes from a batch on the host to updated weights of generator, discriminators and moving average. The
weights are random and the batches are noise, which takes as long as birds. All ways train networks of the
same widths; `official_step.py` says what the official way is. Each ratio is to the official way in float32 in
the same run. The table is written after every way, so that a run that is cut short leaves what it measured.

    python benchmarks/training.py --device cuda --recipe bird coco --out results/here     about two minutes
    python benchmarks/training.py --small                                        does everything run? on a CPU
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from kernel_rooflines import TF32, measure_peaks
from kernel_rows import about
from kernels import device_name
from training_drawing import draw_rows
from training_games import KNOWN, Game, game_of
from training_measuring import (
    WARM_UP,
    flop_of,
    peak_convolution,
    profiled,
    times_of,
    waits_of,
)
from training_providers import OFFICIAL, Provider, Step, providers
from training_rows import Row, lines_of, write_rows

RESULTS = Path(__file__).parent / "results"
SMALL_BATCH = 4
TIMED = 0.75
"""The share of the time after which no further way is begun; the rest is for profiles."""
NO_EFFECT = "`training.cuda_graphs` has no effect"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit code."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # its profiler tells of every start otherwise
    given = parser().parse_args(arguments)
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU is at hand", file=sys.stderr)
        return 1
    out = given.out or RESULTS / device_name(device)
    begun = time.monotonic()
    run = Run(given=given, device=device, out=out)
    measured: list[tuple[Game, Provider, int]] = []
    for number, name in enumerate(given.recipe, start=1):
        run.deadline = begun + TIMED * given.seconds * number / len(given.recipe)
        game = game_of(name, small=given.small)
        batch = given.batch or (SMALL_BATCH if given.small else game.phase.batch_size)
        first = len(run.rows)
        for provider in providers(device):
            if not given.provider or any(one in provider.name for one in (OFFICIAL, *given.provider)):
                run.measure(game, provider, batch)
                measured.append((game, provider, batch))
        if not given.without_drawing:
            for row in draw_rows(game, device, small=given.small, late=run.late):
                run.add(row)
        print(f"\n{name}, batches of {batch}, {run.on.device}")
        print("\n".join(lines_of(run.rows[first:])), flush=True)
    run.deadline = begun + given.seconds
    if device.type == "cuda" or given.traces:
        for game, provider, batch in measured:  # last, because a profiler slows what comes after it
            if provider.profiled:
                run.profile(game, provider, batch)
        print("\n" + "\n".join(lines_of([row for row in run.rows if row.kernels is not None])))
    print(f"written to {out}")
    return 0


@dataclass
class Run:
    """What has been measured so far."""

    given: argparse.Namespace
    device: torch.device
    out: Path
    deadline: float = float("inf")
    rows: list[Row] = field(default_factory=list)
    flop: dict[tuple[str, int, bool], float] = field(default_factory=dict)
    """Of a step, by recipe, batch and whether it is the official one."""
    peaks: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of products and of convolutions, by precision."""

    def __post_init__(self) -> None:
        self.on = about(self.given.name or self.out.name, commit=self.given.commit)

    def late(self) -> bool:
        """Whether the time for the benchmark is up."""
        return time.monotonic() > self.deadline

    def add(self, row: Row) -> None:
        """Keep a row and write the table."""
        row.device, row.commit = self.on.device, self.on.commit
        row.python, row.torch, row.triton = self.on.python, self.on.torch, self.on.triton
        self.rows.append(row)
        official = [
            one
            for one in self.rows
            if (one.recipe, one.what, one.batch) == (row.recipe, row.what, row.batch)
            and one.provider == OFFICIAL
        ]
        if official and official[0].milliseconds and row.milliseconds:
            row.ratio = official[0].milliseconds / row.milliseconds
        write_rows(self.out / f"{self.given.table}.csv", self.rows)

    def measure(self, game: Game, provider: Provider, batch: int) -> None:
        """Measure one provider; a failure becomes a note in its row."""
        row = Row(recipe=game.name, what="training", provider=provider.name, device="", batch=batch)
        begun = time.monotonic()
        with noted(row):
            if self.late():
                raise TimeoutError("the time for the benchmark was up")
            self._fill(row, game, provider, batch)
        self._leave()
        self.add(row)
        taken = time.monotonic() - begun
        print(f"{game.name}: {provider.name} took {taken:.1f} s", file=sys.stderr, flush=True)

    def profile(self, game: Game, provider: Provider, batch: int) -> None:
        """Count what a step of a way consists of, and write its trace."""
        row = next(
            one
            for one in self.rows
            if (one.recipe, one.what, one.provider) == (game.name, "training", provider.name)
        )
        if self.late() or row.milliseconds is None:
            return
        trace = self.out / "traces" / f"{game.name}-{provider.name.replace(' ', '-')}.json.gz"
        with noted(row):
            step = provider.begin(game, self.device, batch)
            for _ in range(WARM_UP if self.device.type == "cuda" else 1):
                step()
            seen = profiled(step, self.device, trace)
            if self.device.type == "cuda":
                row.kernels, row.launches = seen.kernels, seen.launches
                row.triton_share, row.busy_share = (
                    seen.triton_share,
                    seen.busy_milliseconds / row.milliseconds,
                )
        self._leave()
        write_rows(self.out / f"{self.given.table}.csv", self.rows)

    def _leave(self) -> None:
        torch.backends.cudnn.benchmark = False
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _fill(self, row: Row, game: Game, provider: Provider, batch: int) -> None:
        device, given, on_gpu = self.device, self.given, self.device.type == "cuda"
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(device)
        step = provider.begin(game, device, batch)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for _ in range(WARM_UP if on_gpu else 1):
                step()
        row.note = next((str(one.message) for one in told if NO_EFFECT in str(one.message)), "")
        if on_gpu:
            row.waits = waits_of(step)
        taken = times_of(step, device, steps=given.steps, seconds=given.seconds_each)
        row.clock, row.steps = taken.clock, taken.steps
        row.milliseconds, row.milliseconds_20, row.milliseconds_80 = taken.middle, taken.low, taken.high
        row.images_per_second = 1e3 * batch / taken.middle
        if on_gpu:
            row.peak_megabytes = torch.cuda.max_memory_allocated(device) / 1e6
        self._compare_with_peaks(row, game, provider, batch, step)

    def _compare_with_peaks(self, row: Row, game: Game, provider: Provider, batch: int, step: Step) -> None:
        key = (game.name, batch, provider.official)
        if key not in self.flop and "graphs" not in provider.name:
            self.flop[key] = flop_of(step)
        if key not in self.flop or not row.milliseconds:
            return
        precision = provider.precision
        if precision not in self.peaks:
            kind = "bfloat16" if precision == "bf16" else TF32 if self.device.type == "cuda" else "float32"
            seconds = 0.02 if self.given.small else 0.5
            product = measure_peaks(self.device, kind, seconds=seconds).operations
            small = self.device.type == "cpu"
            self.peaks[precision] = (
                product,
                peak_convolution(self.device, half=precision == "bf16", small=small),
            )
        product, convolution = self.peaks[precision]
        row.teraflop = 1e-12 * self.flop[key]
        row.teraflop_per_second = 1e3 * row.teraflop / row.milliseconds
        row.peak_teraflop_per_second = 1e-12 * product
        row.peak_convolution_teraflop_per_second = 1e-12 * convolution
        row.share_of_peak = row.teraflop_per_second / row.peak_teraflop_per_second


@contextmanager
def noted(row: Row) -> Iterator[None]:
    """Turn an error into a note, so that the other ways are measured."""
    try:
        yield
    except torch.OutOfMemoryError:
        row.note = "out of memory"
    except Exception as error:
        row.note = f"failed: {type(error).__name__}: {[*str(error).splitlines(), ''][0][:200]}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    number = partial(made.add_argument, type=float)
    made.add_argument("--device", default="cpu", help="cpu or cuda")
    made.add_argument("--recipe", nargs="+", choices=[*KNOWN], default=["bird"])
    made.add_argument("--batch", type=int, help="images a step; the recipe's without it")
    made.add_argument("--steps", type=int, default=40, help="of every way, at most")
    number("--seconds", default=150.0, help="after which no further way is begun")
    number("--seconds-each", default=3.0, help="of timed steps of every way")
    made.add_argument(
        "--provider", nargs="+", default=[], help="names or parts of them; official runs anyway"
    )
    made.add_argument("--without-drawing", action="store_true", help="measure training alone")
    made.add_argument("--traces", action="store_true", help="write traces on a processor too")
    made.add_argument("--small", action="store_true", help="narrow networks and few images")
    made.add_argument("--name", help="what the machine is called in the results; else the folder's name")
    made.add_argument("--commit", help="what is measured, where git cannot tell")
    made.add_argument("--table", default="training", help="the name of the CSV file")
    made.add_argument("--out", type=Path, help="a folder; benchmarks/results/DEVICE without it")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
