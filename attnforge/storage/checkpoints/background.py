"""Writes checkpoints in a thread of their own, one at a time, while training continues."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class BackgroundWriter:
    """Runs one write at a time in a thread; what a write raises is raised where training waits for it."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._write: Future[None] | None = None

    def start(self, write: Callable[[], None]) -> None:
        """Start a write in the thread; waits for the one before.

        Raises:
            Exception: what the write before raised.
        """
        self.wait()
        self._write = self._executor.submit(write)

    def raise_failure(self) -> None:
        """Raise what a finished write raised; returns at once while one is in progress."""
        if self._write is not None and self._write.done():
            self.wait()

    def wait(self) -> None:
        """Wait for the write in progress, if any.

        Raises:
            Exception: what it raised.
        """
        write = self._write
        if write is not None:
            write.exception()  # an interrupt while waiting leaves the write in place
            self._write = None
            write.result()

    def close(self) -> None:
        """End the thread when a write in progress is done, without waiting for it."""
        self._executor.shutdown(wait=False)
