"""One thread that generates: requests take turns, a bounded number waits, and each can be cancelled."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from attnforge.errors import AttnforgeError, Problem

Result = TypeVar("Result")


class BusyError(AttnforgeError):
    """As many requests wait as may."""


class Job(Generic[Result]):
    """The results of a request, one after another, as an asynchronous iterator in the loop that made it."""

    def __init__(self, produce: Callable[[], Iterator[Result]]) -> None:
        self._produce = produce
        self._loop = asyncio.get_running_loop()
        self._outcomes: asyncio.Queue[Result | Exception] = asyncio.Queue()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Generate nothing more; what is being generated is completed and dropped."""
        self._cancelled.set()

    def __aiter__(self) -> Job[Result]:
        return self

    async def __anext__(self) -> Result:
        outcome = await self._outcomes.get()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run(self) -> None:
        """Produce the results, in the thread of the worker; an exception is raised to who waits for them."""
        if self._cancelled.is_set():
            return
        try:
            for result in self._produce():
                if self._cancelled.is_set():
                    return
                self._deliver(result)
            self._deliver(StopAsyncIteration())
        except Exception as error:
            self._deliver(error)

    def _deliver(self, outcome: Result | Exception) -> None:
        if not self._cancelled.is_set():
            self._loop.call_soon_threadsafe(self._outcomes.put_nowait, outcome)


class Worker:
    """Runs jobs in the order in which they came.

    Networks use all cores for one image, so a second thread would make none faster, and would take memory.

    Args:
        waiting: Jobs that may wait.
    """

    def __init__(self, *, waiting: int) -> None:
        self._jobs: queue.Queue[Job[Any] | None] = queue.Queue(maxsize=waiting)
        self._running: Job[Any] | None = None
        # not waited for when the process ends: a search may take minutes for an image
        self._thread = threading.Thread(target=self._run, name="attnforge-play", daemon=True)
        self._thread.start()

    def start(self, produce: Callable[[], Iterator[Result]]) -> Job[Result]:
        """Let results be produced when all earlier jobs are done.

        Raises:
            BusyError: too many jobs wait.
        """
        job = Job(produce)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            message = f"{self._jobs.maxsize} requests are waiting for images already"
            raise BusyError(
                Problem("too-many-requests", message, expected="fewer at a time, or the same again later")
            ) from None
        return job

    def close(self) -> None:
        """Cancel what runs and what waits, and end the thread after the image that it generates."""
        if self._running is not None:
            self._running.cancel()
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job.cancel()
        self._jobs.put_nowait(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._running = job
            job.run()
            self._running = None
