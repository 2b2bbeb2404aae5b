"""The command line; each command has a module of its own that is imported when the command is called.

This module imports nothing but what stops a command, so that a signal in the first seconds is heard.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from attnforge.run.stop import StopSignal


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code.

    1 is for bad input, 2 for a wrong call, 128 and a signal's number for a command that was asked to leave.
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
    """Run a command and give its exit code.

    Args:
        arguments: The words of the command; those of the process when not given.
        stop: What hears signals, already entered; one for this command when not given.
    """
    if stop is None:
        with StopSignal() as stop:
            return run(arguments, stop=stop)
    from attnforge.cli.entry import execute

    return execute(arguments, stop=stop)
