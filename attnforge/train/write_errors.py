"""Which errors mean that a disk did not take a file; libraries that write have words of their own for it."""

from __future__ import annotations

import errno

from safetensors import SafetensorError


def is_write_error(error: Exception) -> bool:
    """Whether an error of writing a checkpoint says that the file could not be written."""
    if isinstance(error, OSError):
        return error.errno not in (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)
    if isinstance(error, SafetensorError):
        return "I/O error" in str(error)
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("PytorchStreamWriter failed", "file write failed", "basic_ios")
    )
