"""Graceful stopping: one flag for every signal that asks a process to stop.

`SIGINT` is Ctrl-C, `SIGTERM` what schedulers, containers and service managers send, `SIGHUP` what a closed
terminal sends. This module imports nothing heavy, so that the command line can enter a `StopSignal` first.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
"""The signals that ask a process to stop, where this system has them."""
_PIPE = int(getattr(signal, "SIGPIPE", 13))
_ALARM = int(getattr(signal, "SIGALRM", 14))
_RETRY_SECONDS = 0.05
_IMPORT_SECONDS = 10.0
"""An import that takes longer is stuck rather than slow, and is interrupted."""
LAUNCHER = "ATTNFORGE_LAUNCHER"
"""The variable with the process that has started this one; when it is gone, this one is asked to stop."""
_IMPORTING = "<frozen importlib._bootstrap>"


class StopSignal:
    """While entered, the first signal interrupts, or inside `saving_first` only sets the flag `requested`.

    An interrupt is a `KeyboardInterrupt`, whichever signal arrived. A signal that arrives during an import
    waits for its end, because a half-imported module misbehaves; a second signal never waits. Signals that
    the process was started to ignore, as by `nohup`, stay ignored.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal that arrived; None before any."""
        self.interrupted = False
        """Whether an interrupt was raised; code that caught it may have raised another error instead."""
        self._saves_first = False
        self._retrying = False
        self._deadline = 0.0
        self._before: dict[int, Any] = {}
        self._start_time = time.monotonic()
        self._limit_seconds: float | None = None
        self._launcher = os.environ.get(LAUNCHER)

    @property
    def pending(self) -> int:
        """The signal that asked the process to stop, or stands for what did; 0 when nothing did.

        A launcher that is gone counts as SIGTERM, and time that is over as SIGALRM.
        """
        if self.number is None and self._launcher not in (None, str(os.getppid())):
            self.request(signal.SIGTERM)
        return self.number or (_ALARM if self._time_is_over else 0)

    @property
    def requested(self) -> bool:
        """Whether the process was asked to stop, or its time is over, or its launcher is gone."""
        return self.pending != 0

    @property
    def exit_code(self) -> int:
        """The exit code of a stopped process: 130 for Ctrl-C, 143 for SIGTERM, 142 when its time is over."""
        return 128 + (self.pending or signal.SIGINT)

    def limit(self, seconds: float) -> None:
        """Request a stop so many seconds after this object was entered, without an interrupt."""
        self._limit_seconds = seconds

    @property
    def _time_is_over(self) -> bool:
        limit = self._limit_seconds
        return limit is not None and time.monotonic() - self._start_time >= limit

    def __enter__(self) -> Self:
        self._start_time = time.monotonic()
        if threading.current_thread() is threading.main_thread():  # other threads may not set handlers
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    @contextmanager
    def saving_first(self) -> Iterator[None]:
        """While entered, the first signal only sets the flag; a second one interrupts.

        Raises:
            KeyboardInterrupt: a signal arrived before, and there is nothing to save yet.
        """
        if self.number is not None:
            raise KeyboardInterrupt
        self._saves_first = True
        try:
            yield
        finally:
            self._saves_first = False

    def request(self, number: int) -> None:
        """Set the flag as this signal would, without an interrupt."""
        if self.number is None:
            self.number = number

    def request_for_closed_pipe(self) -> None:
        """Set the flag as a closed pipe would: nothing reads the output any more."""
        self.request(_PIPE)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        retried, self._retrying = self._retrying, False
        first = self.number is None
        self.request(number)
        if self._saves_first and (first or retried):
            return
        if first:
            self._deadline = time.monotonic() + _IMPORT_SECONDS
        if (first or retried) and _importing(frame) and time.monotonic() < self._deadline:
            timer = threading.Timer(_RETRY_SECONDS, self._retry, [number])
            timer.daemon = True
            timer.start()
            return
        self.interrupted = True
        raise KeyboardInterrupt

    def _retry(self, number: int) -> None:
        if self._before:  # still entered
            self._retrying = True
            _thread.interrupt_main(signal.Signals(number))


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False
