"""Commands as forks of a process that has imported everything: real processes that start at once."""

from __future__ import annotations

import atexit
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import command_server


class Forked:
    """A command that runs, with what tests use of `subprocess.Popen`.

    Args:
        status: A pipe on which the process tells its number, and the server later its exit code.
        stdout: What it prints; None where that goes elsewhere.
        stderr: What it says on the other stream.
    """

    def __init__(self, status: IO[str], stdout: IO[str] | None, stderr: IO[str]) -> None:
        self._status = status
        self.stdout = stdout
        self.stderr = stderr
        self.pid = int(status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, at most so many seconds, and give the exit code."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired("attnforge", timeout or 0)
            self.returncode = int(self._status.readline())
        return self.returncode

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """What it prints until it ends, within so many seconds, and what it says on the other stream."""
        end = time.monotonic() + timeout
        pipes = [pipe for pipe in (self.stdout, self.stderr) if pipe is not None]
        parts: dict[IO[str], list[bytes]] = {pipe: [] for pipe in pipes}
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ)
            while pipes:
                ready = selector.select(max(0.0, end - time.monotonic()))
                if not ready:
                    raise subprocess.TimeoutExpired("attnforge", timeout, str(parts))
                for pipe in [pipe for pipe in pipes if selector.get_key(pipe) in [key for key, _ in ready]]:
                    parts[pipe].append(os.read(pipe.fileno(), 1 << 16))
                    if not parts[pipe][-1]:
                        selector.unregister(pipe)
                        pipes.remove(pipe)
        self.wait(max(0.0, end - time.monotonic()))
        texts = {pipe: b"".join(part).decode() for pipe, part in parts.items()}
        return texts[self.stdout] if self.stdout is not None else "", texts[self.stderr]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, unless it ended."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the pipes."""
        for pipe in (self._status, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()


@functools.cache
def _server() -> socket.socket:
    """The socket on which this process's server takes requests; the server ends when it is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-u", command_server.__file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # autograd refuses to work in forks of a process that has seen a GPU
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )
    atexit.register(process.wait, timeout=10)
    atexit.register(ours.close)
    return ours


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdout: int = subprocess.PIPE,
    quick: bool = False,
) -> Forked:
    """Start a command in a session of its own.

    Signals that this process ignores are ignored by the command too, as by any process that is started.

    Args:
        arguments: The words behind `attnforge`.
        folder: Where it works.
        environment: All variables; what torch and Python read of them when they are imported is not heard.
        stdout: A descriptor, or `subprocess.PIPE`.
        quick: Whether it leaves when its work is done, without ending its interpreter.
    """
    request = {
        "quick": quick,
        "arguments": list(arguments),
        "folder": str(folder),
        "environment": dict(environment),
        "ignored": [
            number for number in command_server.STOPPING if signal.getsignal(number) == signal.SIG_IGN
        ],
    }
    err, err_of_child = os.pipe()
    status, status_of_server = os.pipe()
    out, out_of_child = os.pipe() if stdout == subprocess.PIPE else (None, os.dup(stdout))
    given_away = [out_of_child, err_of_child, status_of_server]
    socket.send_fds(_server(), [json.dumps(request).encode() + b"\n"], given_away)
    for descriptor in given_away:
        os.close(descriptor)
    return Forked(os.fdopen(status), None if out is None else os.fdopen(out), os.fdopen(err))
