"""Which errors mean that a disk did not take a file; libraries that write have words of their own for it."""

from __future__ import annotations

import errno

from safetensors import SafetensorError

_OF_THE_MACHINE = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN})
"""Errors of the system that say nothing about the disk."""
_WORDS: dict[type[BaseException], str] = {
    SafetensorError: "I/O error",
    RuntimeError: "PytorchStreamWriter failed",
}
"""What each library says of a file that it could not write."""


def write_failure(error: BaseException | None) -> str | None:
    """Why a file could not be written, or None for an error of another kind.

    torch closes the archive that it could not write, and raises another error at that, so the cause is the
    first that says something of a file.
    """
    reason = None
    while error is not None:
        if isinstance(error, OSError):
            reason = None if error.errno in _OF_THE_MACHINE else error.strerror or str(error)
        elif (words := _WORDS.get(type(error))) and words in str(error):
            reason = str(error)
        error = error.__context__
    return reason
