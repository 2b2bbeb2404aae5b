"""Turns errors caused by the machine into problems with a cause, a place and a next command.

Where more is known, attnforge raises `AttnforgeError` itself. All other errors that are not bugs are handled
here: files and folders that cannot be used, a full disk, no memory, a loading process that was killed, a
closed output. Any other exception is left as it is, with its traceback.
"""

from __future__ import annotations

import io
import os
import select
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
    """Whether nobody reads stdout any more; text that failed to be written may be gone from its buffer."""
    try:
        sys.stdout.flush()
        descriptor = sys.stdout.fileno()
    except io.UnsupportedOperation:
        return False
    except OSError:
        return True
    asked = select.poll()
    asked.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0))
