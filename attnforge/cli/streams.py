"""Sets up stdout and stderr: open, able to print any text, and silent when their pipe is closed."""

from __future__ import annotations

import io
import os
import sys
import warnings
from typing import NoReturn, TextIO

from attnforge.terminal import print_text


def prepare() -> None:
    """Open closed streams, escape characters they cannot encode, and print Python's warnings in one line."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Otherwise the next opened file would get this descriptor, and output would go into it.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _warn


def leave(code: int) -> NoReturn:
    """Exit the process; a closed pipe is not an error."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Python would report the error again when it flushes at exit.
            _silence(stream)
    sys.exit(code)


def _silence(stream: TextIO) -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print_text(f"warning: {message}", err=True)
