"""Turns errors caused by the machine into problems with a cause, a place and a next command.

Where more is known, attnforge raises `AttnforgeError` itself. All other errors that are not bugs are handled
here: files and folders that cannot be used, a full disk, no memory, a loading process that was killed, a
closed output. Any other exception is left as it is, with its traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from attnforge.errors import AttnforgeError
from attnforge.run.machine import TRACEBACK, problem_of


class OutputClosedError(Exception):
    """The reader of stdout, such as `head`, closed the pipe."""


@contextmanager
def boundary() -> Iterator[None]:
    """Turn errors of the machine into problems.

    Raises:
        AttnforgeError: with the notes of the original error.
        OutputClosedError: stdout was closed.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _stdout_is_closed():
            raise OutputClosedError from error
        problem = None if os.environ.get(TRACEBACK) else problem_of(error)
        if problem is None:
            raise
        translated = AttnforgeError(problem)
        for note in getattr(error, "__notes__", ()):
            translated.add_note(note)
        raise translated from error


def _stdout_is_closed() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False
