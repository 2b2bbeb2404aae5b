"""Signals and loading processes: whoever stops a run means the training process, which ends its workers.

Schedulers, containers and service managers signal every process of a job at once, and so does Ctrl-C. A
worker that obeyed would end the training process by its death, before that could save.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
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
    """Let signals wait while workers are started, since they obey until `ignore_stops` is called in them.

    torch would raise at the death of a worker wherever the training process happens to be, such as in a
    plugin's hook or in the middle of a checkpoint. That is put off, too: the next batch tells.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    deaths = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and deaths is not None:
            signal.signal(signal.SIGCHLD, deaths)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def endings(codes: Iterable[int | None]) -> str:
    """How processes ended, by their exit codes: such as `SIGKILL` or `exit code 1`; empty for none."""
    ended = (code for code in codes if code)
    return ", ".join(
        signal.Signals(-code).name if code < 0 else f"exit code {code}" for code in dict.fromkeys(ended)
    )
