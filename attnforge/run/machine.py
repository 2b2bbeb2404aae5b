"""Explains errors of the machine: files that cannot be used, a full disk, no memory, a killed process.

Where attnforge knows the cause, it raises an `AttnforgeError`. Other errors that are not bugs are recognised
here.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from attnforge.errors import AttnforgeError, Place, Problem

TRACEBACK = "ATTNFORGE_TRACEBACK"
"""When set, errors of the machine keep their traceback."""
_WORKER = re.compile(
    r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (?:is killed by signal: (?P<signal>[^.]+)|exited)"
)
_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|CUDA out of memory|CUDA error: out of memory|"
    r"CUBLAS_STATUS_ALLOC_FAILED|unable to mmap|Cannot allocate memory",
    re.IGNORECASE,
)
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN})


def problem_of(error: Exception) -> Problem | None:
    """The problem behind an error of the machine, for the user; None for any other error."""
    text = str(error)
    if isinstance(error, AttnforgeError):
        return None
    if is_out_of_memory(error):
        return _memory(text)
    if isinstance(error, RuntimeError) and (match := _WORKER.search(text)):
        return _worker(match["signal"])
    if isinstance(error, EOFError):
        return _unknown(f"a file or connection ended early{f': {text}' if text else ''}")
    return _system(error) if isinstance(error, OSError) else None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was refused, by Python, torch or a GPU."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _MEMORY.search(str(error)) is not None
    )


def _memory(text: str) -> Problem:
    reason = " ".join(text.split("\n", 1)[0].split())
    return Problem(
        "out-of-memory",
        f"there is not enough memory{f': {reason}' if reason else ''}",
        expected="a smaller `batch_size` or `evaluation.batch_size`, fewer `training.workers`, narrower "
        "networks, or more memory; saved checkpoints are intact",
        next_step="attnforge doctor",
    )


def _worker(signal: str | None) -> Problem:
    reason = f"was killed by signal {signal.strip()}" if signal else "exited unexpectedly"
    return Problem(
        "worker-killed",
        f"a data loader worker {reason}",
        expected="enough memory for every worker, since the system kills one when memory runs out: fewer "
        "`training.workers` need less, and with 0 the worker's own error is shown",
        next_step="attnforge train --resume RUN training.workers=0",
    )


def _system(error: OSError) -> Problem:
    path = _path(error)
    folder = os.fspath(Path(path).parent) if path else "."
    place = Place(path) if path else None
    reason = error.strerror or str(error) or type(error).__name__
    file = path or "a file"
    if error.errno == errno.ENOMEM:
        return _memory(reason)
    if error.errno in _DISK_FULL:
        message = f"{file} cannot be written: {reason}"
        return Problem("disk-full", message, place, "free space, or another folder", f"df -h {folder}")
    if error.errno in _FORBIDDEN:
        message = f"{file} cannot be used: {reason}"
        expected = "a file and folder that this user may read or write"
        return Problem("no-permission", message, place, expected, f"ls -ld {folder} {path or ''}".rstrip())
    if error.errno in _MISSING:
        message = f"{file} does not exist: {reason}"
        expected = "a path that exists, and keeps existing while the command runs"
        return Problem("file-not-there", message, place, expected, f"ls {folder}")
    if error.errno in _LIMITS:
        message = f"the system refuses more files or processes: {reason}"
        expected = "fewer `training.workers`, or a higher limit"
        return Problem("system-limit", message, place, expected, "ulimit -a")
    return _unknown(f"{path}: {reason}" if path else f"the system reports: {reason}", place)


def _unknown(message: str, place: Place | None = None) -> Problem:
    next_step = f"{TRACEBACK}=1 with the same command shows the traceback"
    return Problem("system-error", message, place, None, next_step)


def _path(error: OSError) -> str | None:
    name = error.filename
    if isinstance(name, bytes):
        return os.fsdecode(name)
    return os.fspath(name) if isinstance(name, str | os.PathLike) and name else None
