"""Signals and loading processes: whoever stops a run means the training process, which ends its workers.

Schedulers, containers and service managers signal every process of a job at once, and so does Ctrl-C. A
worker that obeyed would end the training process by its death, before that could save.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def ignore_stops(worker: int) -> None:
    """Ignore in a worker whatever asks a process to leave; torch tells it when the work is over."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Let signals wait while workers are started, since they obey until `ignore_stops` is called in them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
