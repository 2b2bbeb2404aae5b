"""Commands as processes of their own: started, watched until something is true, and signalled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from forked import Forked, start

PATIENCE_SECONDS = 120
"""A busy machine is no failure; a command that hangs is."""
ATTNFORGE = (sys.executable, "-c", "from attnforge.cli import main; main()")
"""A command as a fresh process, for tests of how one starts and ends."""


@contextmanager
def command(
    *arguments: str, folder: Path, stdout: int = subprocess.PIPE, quick: bool = False, **environment: str
) -> Iterator[Forked]:
    """A command in a session of its own, which is gone when the context ends.

    Args:
        arguments: The words behind `attnforge`.
        folder: Where it works.
        stdout: As of `subprocess.Popen`.
        quick: Whether it leaves when its work is done, without ending its interpreter.
        environment: Further variables.
    """
    variables = {**os.environ, **environment}
    process = start(arguments, folder=folder, stdout=stdout, environment=variables, quick=quick)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.close()


def wait_until(true: Callable[[], bool], process: Forked | subprocess.Popen[str]) -> None:
    """Wait until something is true while a process lives."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def rows(run: Path, name: str = "metrics.jsonl") -> list[dict[str, object]]:
    """The whole rows of a file of a run; none while it is not there."""
    path = run / name
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def ended(process: Forked | subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code of a process that is about to end, with what it printed."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.wait(), out or "", err


def saved_steps(run: Path, phase: str = "gan") -> Sequence[int]:
    """The steps of a phase's checkpoints, oldest first."""
    folders = (run / "checkpoints").glob(f"{phase}-*")
    return sorted(int(folder.name.rpartition("-")[2]) for folder in folders)
