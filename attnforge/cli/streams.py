"""The process's own streams: there, able to take any text, and quiet when nobody reads them any more."""

from __future__ import annotations

import io
import os
import sys
import warnings
from typing import NoReturn, TextIO

from attnforge.terminal import print_text


def prepare() -> None:
    """Open what was closed, let every character be written, and print Python's warnings in one line."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Otherwise the next file that is opened gets the number, and prints would be written into it.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _warn


def leave(code: int) -> NoReturn:
    """End the process; what nobody reads any more is no error of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Python would complain once more when it flushes while it ends.
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
