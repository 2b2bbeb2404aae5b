"""`ATTNFORGE_TRACE_HOOKS=1`: logs every hook call on stderr, with its arguments and duration."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attnforge.terminal import print_text

VARIABLE = "ATTNFORGE_TRACE_HOOKS"
MAX_CHARACTERS = 60
"""Longer arguments are cut."""


def tracing() -> bool:
    """Whether the environment asks for a trace."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


@contextmanager
def traced(plugin: str, hook: str, arguments: Mapping[str, object]) -> Iterator[None]:
    """Write one line on stderr when a plugin's hook returns, and the traceback when it raises."""
    shown = ", ".join(f"{name}={short(value)}" for name, value in arguments.items())
    start = time.perf_counter()
    try:
        yield
    except BaseException as error:
        _write(plugin, hook, shown, start, f", raised {type(error).__name__}")
        print_text(traceback.format_exc(), err=True, end="")
        raise
    _write(plugin, hook, shown, start, "")


def short(value: object) -> str:
    """An argument in a few characters: numbers and strings in full, keys of a mapping, otherwise the type."""
    match value:
        case Path():
            text = str(value)
        case None | bool() | int() | float() | str():
            text = repr(value)
        case Mapping():
            text = f"{{{', '.join(map(str, value))}}}"
        case _:
            text = type(value).__name__
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}..."


def _write(plugin: str, hook: str, arguments: str, start: float, ending: str) -> None:
    milliseconds = (time.perf_counter() - start) * 1000
    print_text(f"hook {plugin}: {hook}({arguments}) {milliseconds:.2f} ms{ending}", err=True)
