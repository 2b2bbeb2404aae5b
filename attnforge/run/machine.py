"""What the machine does to a command: files that cannot be used, a full disk, no memory, a killed process.

Parts of attnforge raise `AttnforgeError` for what they know better. All else that is no fault of the code is
recognised here.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from attnforge.errors import AttnforgeError, Place, Problem

TRACEBACK = "ATTNFORGE_TRACEBACK"
"""When set, errors of the system keep the traceback that says where they rose."""
_WORKER = re.compile(
    r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (?:is killed by signal: (?P<signal>[^.]+)|exited)"
)
_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|CUDA out of memory|CUDA error: out of memory|"
    r"CUBLAS_STATUS_ALLOC_FAILED|unable to mmap|Cannot allocate memory",
    re.IGNORECASE,
)
_TOO_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN})


def problem_of(error: Exception) -> Problem | None:
    """What an error of the machine means to whoever typed the command; None for an error of another kind."""
    text = str(error)
    if isinstance(error, AttnforgeError):
        return None
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _MEMORY.search(text)):
        return _memory(text)
    if isinstance(error, RuntimeError) and (match := _WORKER.search(text)):
        return _worker(match["signal"])
    return _system(error) if isinstance(error, OSError) else None


def _memory(text: str) -> Problem:
    reason = " ".join(text.split("\n", 1)[0].split())
    return Problem(
        "out-of-memory",
        f"there is not enough memory{f': {reason}' if reason else ''}",
        expected="a smaller `batch_size` or `evaluation.batch_size`, fewer `training.workers`, narrower "
        "networks, or more memory; what was saved is whole",
        next_step="attnforge doctor",
    )


def _worker(signal: str | None) -> Problem:
    reason = f"was killed by the signal {signal.strip()}" if signal else "ended before its work was done"
    return Problem(
        "worker-killed",
        f"a process that loads data {reason}",
        expected="memory for every worker, since the system kills one when there is none left: fewer "
        "`training.workers` need less, and with 0 an error of their own is shown",
        next_step="attnforge train --resume RUN training.workers=0",
    )


def _system(error: OSError) -> Problem:
    path = _path(error)
    folder = os.fspath(Path(path).parent) if path else "."
    place = Place(path) if path else None
    reason = error.strerror or str(error) or type(error).__name__
    what = path or "a file"
    if error.errno == errno.ENOMEM:
        return _memory(reason)
    if error.errno in _TOO_FULL:
        message = f"{what} cannot be written: {reason}"
        return Problem("disk-full", message, place, "free space, or another folder", f"df -h {folder}")
    if error.errno in _FORBIDDEN:
        message = f"{what} cannot be used: {reason}"
        expected = "a file and folder that this user may read or write"
        return Problem("no-permission", message, place, expected, f"ls -ld {folder} {path or ''}".rstrip())
    if error.errno in _GONE:
        message = f"{what} is not there: {reason}"
        expected = "a path that exists, and stays where it is while the command runs"
        return Problem("file-not-there", message, place, expected, f"ls {folder}")
    if error.errno in _LIMITS:
        message = f"the system refuses more files or processes: {reason}"
        expected = "fewer `training.workers`, or a higher limit"
        return Problem("system-limit", message, place, expected, "ulimit -a")
    message = f"{what}: {reason}" if path else f"the system reports: {reason}"
    return Problem("system-error", message, place, None, f"{TRACEBACK}=1 with the same command says where")


def _path(error: OSError) -> str | None:
    name = error.filename
    if isinstance(name, bytes):
        return os.fsdecode(name)
    return os.fspath(name) if isinstance(name, str | os.PathLike) and name else None
