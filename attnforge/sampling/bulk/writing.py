"""Errors of writing images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attnforge.errors import Problem, RunError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Report that images could not be written, and that nothing is lost.

    Raises:
        RunError: the system refused to write.
    """
    try:
        yield
    except OSError as error:
        message = f"images cannot be written to {folder}: {error.strerror or error}"
        expected = "a writable folder with room for the images; those of finished blocks are kept"
        step = f"df -h {folder}; then the same command again, which resumes"
        raise RunError(Problem("images-not-written", message, None, expected, step)) from error
