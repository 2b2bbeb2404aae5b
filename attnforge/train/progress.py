"""Progress of a phase: a live bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO, cast, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from attnforge.compute.memory import peak_bytes
from attnforge.terminal import LastingStream, print_text, printable
from attnforge.train.loop import StepResult

MAX_SCALARS = 4
"""Scalars that a line of progress shows at most."""


@runtime_checkable
class Reporter(Protocol):
    """Where a training run reports its progress."""

    def line(self, text: str) -> None:
        """Print a message."""
        ...

    def warning(self, text: str) -> None:
        """Print a warning."""
        ...

    def phase(self, name: str, *, start: int, steps: int) -> PhaseProgress: ...


class PhaseProgress:
    """Progress of one phase, as a context manager.

    Args:
        console: Where to write.
        name: Name of the phase.
        start: Steps already done, when resuming.
        steps: Steps of the whole phase.
        every: Seconds between two plain lines.
    """

    def __init__(self, console: Console, *, name: str, start: int, steps: int, every: float = 15.0) -> None:
        self.console = console
        self.name = name
        self.start = start
        self.steps = steps
        self.every = every
        self.start_time = self.last_line_time = time.monotonic()
        self.images = 0
        self.scalars = self.memory = ""
        self.bar: Progress | None = None
        self.row: TaskID | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description:8}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.completed:>6}/{task.total} {task.fields[rate]}", markup=False),
                console=self.console,
            )
            self.row = self.bar.add_task(
                printable(self.name), total=self.steps, completed=self.start, rate=""
            )
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def advance(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        """Count a step; `scalars` are given when the step is logged."""
        self.images += result.images
        if scalars:
            peak = peak_bytes()
            self.memory = "" if peak is None else f", peak {peak / 1e9:.1f} GB"
            # of scalars whose names share a first word show the last, which is that of the largest image
            last_of_each = {name.split(" ", 1)[0]: name for name in scalars}
            shown = list(last_of_each.values())[:MAX_SCALARS]
            self.scalars = printable("  ".join(f"{name} {scalars[name]:.3g}" for name in shown))
        now = time.monotonic()
        elapsed = max(1e-6, now - self.start_time)
        remaining = elapsed / (result.step - self.start) * (self.steps - result.step)
        speed = f"{rate_text(self.images / elapsed):>6} images/s, {duration(remaining)} left"
        rate = f"{speed}{self.memory}  {self.scalars}"
        if self.bar is not None and self.row is not None:
            self.bar.update(self.row, completed=result.step, rate=rate)
        elif now - self.last_line_time >= self.every or result.step == self.steps:
            self.last_line_time = now
            text = f"{self.name} {result.step}/{self.steps}  {rate.strip()}"
            self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)


class ConsoleReporter:
    """Reports on a terminal or to a file; a closed pipe does not end the run.

    Args:
        console: Where to write; by default a console made from the other two.
        err: Whether to write to stderr instead of stdout.
        lost: Called when nothing reads the output any more.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        err: bool = False,
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        stream = LastingStream(sys.stderr if err else sys.stdout, lost=lost)
        self.console = console or _console(stream)

    def line(self, text: str) -> None:
        self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    def warning(self, text: str) -> None:
        warn_on_stderr(text)

    def phase(self, name: str, *, start: int, steps: int) -> PhaseProgress:
        return PhaseProgress(self.console, name=name, start=start, steps=steps)


def _console(stream: LastingStream) -> Console:
    """A console that writes plain lines in a notebook, where rich makes a block of HTML of each line.

    Notebooks ask programs for the colours of a terminal, but move no cursor: a bar would be a line each time.
    """
    notebook = Console().is_jupyter
    file = cast("TextIO", stream)
    return Console(file=file, force_jupyter=False, force_terminal=False if notebook else None)


class SilentReporter:
    """Reports nothing: another process reports for this one."""

    def line(self, text: str) -> None:
        """Nothing is printed."""

    def warning(self, text: str) -> None:
        """Nothing is printed."""

    def phase(self, name: str, *, start: int, steps: int) -> PhaseProgress:
        return PhaseProgress(Console(quiet=True), name=name, start=start, steps=steps)


def warn_on_stderr(text: str) -> None:
    """Print a warning to stderr, apart from a command's output."""
    print_text(f"warning: {text}", err=True)


def rate_text(rate: float) -> str:
    """A rate with two digits at least: slow steps make less than one image a second."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def duration(seconds: float) -> str:
    """A duration in a readable unit."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
