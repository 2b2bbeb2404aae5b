"""Progress of a phase: a live bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from attnforge.terminal import LastingStream, print_text, printable
from attnforge.train.loop import StepResult

FIGURES = 4
"""How many scalars a line of progress shows at most."""


class Reporter(Protocol):
    """What the training run tells about itself while it goes."""

    def line(self, text: str) -> None:
        """Something that happened."""
        ...

    def warning(self, text: str) -> None:
        """Something that the user should know of before it is relied upon."""
        ...

    def phase(self, name: str, *, start: int, steps: int) -> PhaseProgress: ...


class PhaseProgress:
    """Progress of one phase, as a context.

    Args:
        console: Where to write.
        name: Name of the phase.
        start: Steps made before, when resuming.
        steps: Steps of the phase in all.
        every: Seconds between two plain lines.
    """

    def __init__(self, console: Console, *, name: str, start: int, steps: int, every: float = 15.0) -> None:
        self.console = console
        self.name = name
        self.start = start
        self.steps = steps
        self.every = every
        self.began = self.told = time.monotonic()
        self.images = 0
        self.metrics = ""
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
        """Take in a step; `scalars` are there when they were read for the log."""
        self.images += result.images
        if scalars:
            # names that begin alike belong together, and the last of them is the largest image's
            families = {name.split(" ", 1)[0]: name for name in scalars}
            shown = list(families.values())[:FIGURES]
            self.metrics = printable("  ".join(f"{name} {scalars[name]:.3g}" for name in shown))
        now = time.monotonic()
        elapsed = max(1e-6, now - self.began)
        left = elapsed / (result.step - self.start) * (self.steps - result.step)
        rate = f"{self.images / elapsed:6.0f} images/s, {duration(left)} left  {self.metrics}"
        if self.bar is not None and self.row is not None:
            self.bar.update(self.row, completed=result.step, rate=rate)
        elif now - self.told >= self.every or result.step == self.steps:
            self.told = now
            text = f"{self.name} {result.step}/{self.steps}  {rate.strip()}"
            self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)


class ConsoleReporter:
    """Tells on a terminal or into a file; a reader who leaves ends no run.

    Args:
        console: Where to write; what the other two say when not given.
        err: On stderr instead of stdout.
        lost: Called when nobody reads any more.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        err: bool = False,
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        stream = LastingStream(sys.stderr if err else sys.stdout, lost=lost)
        self.console = console or Console(file=cast("TextIO", stream))

    def line(self, text: str) -> None:
        self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)

    def warning(self, text: str) -> None:
        warn_on_stderr(text)

    def phase(self, name: str, *, start: int, steps: int) -> PhaseProgress:
        return PhaseProgress(self.console, name=name, start=start, steps=steps)


def warn_on_stderr(text: str) -> None:
    """Print a warning where it does not mix with what a command prints."""
    print_text(f"warning: {text}", err=True)


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would choose."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
