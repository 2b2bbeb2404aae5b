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
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_EXIT_SECONDS = 5.0
"""How long after a broken connection a worker's exit is waited for."""


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
def workers_of(loading: object) -> Iterator[Sequence[BaseProcess]]:
    """The workers of a `DataLoader`'s iterator, none of which outlives this context or the interpreter.

    Both torch and Python ask a stuck worker to stop by SIGTERM, which it ignores, and Python would then wait
    for it forever.
    """
    iterator = cast("Any", loading)
    workers: Sequence[BaseProcess] = iterator._workers

    def kill() -> None:
        for worker in workers:
            worker.kill()

    atexit.register(kill)
    try:
        yield workers
    finally:
        iterator._shutdown_workers()
        kill()
        atexit.unregister(kill)


def worker_error(error: Exception, workers: Sequence[BaseProcess]) -> RuntimeError | None:
    """The death of a worker behind an error of fetching a batch, with its signal, which torch leaves out.

    A batch that its dead worker had announced ends in an `OSError` or `EOFError` of the connection, a moment
    before the worker's exit code is known.
    """
    if not isinstance(error, RuntimeError):
        ending = wait([worker.sentinel for worker in workers], timeout=_EXIT_SECONDS)
        for worker in workers:
            if worker.sentinel in ending:
                worker.join(_EXIT_SECONDS)  # its files close before it has an exit code
    reasons = _exit_reasons(worker.exitcode for worker in workers)
    if not reasons:
        return None
    dead = ", ".join(str(worker.pid) for worker in workers if worker.exitcode)
    named = RuntimeError(f"DataLoader worker (pid(s) {dead}) exited unexpectedly")
    named.add_note(f"a data loading worker ended with {reasons}")
    return named


def _exit_reasons(codes: Iterable[int | None]) -> str:
    """How processes ended, from their exit codes: `SIGKILL`, `exit code 1`; empty if none failed."""
    failed = (code for code in codes if code)
    return ", ".join(
        signal.Signals(-code).name if code < 0 else f"exit code {code}" for code in dict.fromkeys(failed)
    )
