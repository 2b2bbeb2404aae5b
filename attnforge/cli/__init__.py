"""The command line; each command is in a module of its own, imported when the command is called.

This module imports only what handles signals, so that a signal in the first seconds is not missed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from attnforge.run.stop import StopSignal


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code.

    1 means bad input, 2 wrong usage, 128 plus the number of a signal that the command was stopped by signal.
    """
    with StopSignal() as stop:
        try:
            from attnforge.cli.streams import leave, prepare

            prepare()
            code = run(arguments, stop=stop)
        except KeyboardInterrupt:
            sys.exit(stop.exit_code)
    leave(code)


def run(arguments: Sequence[str] | None = None, *, stop: StopSignal | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: The command's arguments; by default those of the process.
        stop: The signal handler, already entered; by default a new one for this command.
    """
    if stop is None:
        with StopSignal() as stop:
            return run(arguments, stop=stop)
    from attnforge.cli.entry import execute

    return execute(arguments, stop=stop)
