"""Signals and data loading workers: a stop signal is for the training process, which ends its workers.

Schedulers, containers, service managers and Ctrl-C signal every process of a job at once. A worker that
obeyed would crash the training process by its death, before a checkpoint could be saved.
"""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def ignore_stop_signals(worker: int) -> None:
    """Ignore stop signals in a worker; torch ends it when the work is done."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


@contextmanager
def stop_signals_blocked() -> Iterator[None]:
    """Block stop signals while workers start, since they obey until `ignore_stop_signals` is called in them.

    torch would raise at the death of a worker wherever the training process happens to be, such as in a
    plugin's hook or in the middle of a checkpoint. That is deferred, too: fetching the next batch raises.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    child_handler = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and child_handler is not None:
            signal.signal(signal.SIGCHLD, child_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def killed_at_exit(workers: Sequence[BaseProcess]) -> Iterator[None]:
    """Kill workers that still live when the interpreter ends inside this context.

    Python asks them to stop by SIGTERM, which they ignore, and would wait for them forever.
    """

    def kill() -> None:
        for worker in workers:
            worker.kill()

    atexit.register(kill)
    try:
        yield
    finally:
        atexit.unregister(kill)


def exit_reasons(codes: Iterable[int | None]) -> str:
    """How processes ended, from their exit codes: `SIGKILL`, `exit code 1`; empty if none failed."""
    failed = (code for code in codes if code)
    return ", ".join(
        signal.Signals(-code).name if code < 0 else f"exit code {code}" for code in dict.fromkeys(failed)
    )
