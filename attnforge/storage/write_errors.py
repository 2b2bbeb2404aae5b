"""Recognises errors of writing files, for which each library has its own messages."""

from __future__ import annotations

import errno

from safetensors import SafetensorError

_NOT_DISK_ERRORS = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN})
"""System errors that are not about the disk."""
_WRITE_MESSAGES: dict[type[BaseException], str] = {
    SafetensorError: "I/O error",
    RuntimeError: "PytorchStreamWriter failed",
}
"""Part of each library's message for a file that it could not write."""


def write_failure(error: BaseException | None) -> str | None:
    """Why a file could not be written, or None for other errors.

    torch raises a second error when it closes an archive that it could not write, so the first error about a
    file in the chain is the cause.
    """
    reason = None
    while error is not None:
        if isinstance(error, OSError):
            reason = None if error.errno in _NOT_DISK_ERRORS else error.strerror or str(error)
        elif (text := _WRITE_MESSAGES.get(type(error))) and text in str(error):
            reason = str(error)
        error = error.__context__
    return reason
