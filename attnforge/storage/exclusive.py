"""Lets one process at a time write to a run, by a file lock that the system releases when the process ends.

The lock is the system's own (`flock`), so a killed process leaves none behind, even when another process has
its id by now. The content of the file only serves the error message.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RunError

FILE = ".in-use"
"""The locked file in a run folder."""
ORPHAN_SECONDS = 5.0
"""How long to wait for children of a process that was killed, which hold its lock until they run again."""
_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def exclusive(folder: Path, *, purpose: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Lock a folder for this process; folders created for it are removed again if they stay empty.

    Args:
        folder: A run folder or a sweep's folder; created if missing.
        purpose: What the folder is used for, such as `training`; other processes show it in their error.
        warn: Called where the file system does not support locks.

    Raises:
        RunError: another process uses the folder, or it cannot be written.
    """
    created = _make(folder)
    try:
        lock = _acquire(folder, purpose, warn)
        try:
            yield
        finally:
            lock.release()
    finally:
        for path in created:
            with suppress(OSError):  # not empty
                path.rmdir()


class _LockedFile:
    """An open file that holds the lock."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.handle: int | None = handle
        # a lock lasts until the last process that inherited its file has ended, and data loader workers
        # outlive a killed process by some seconds
        if hasattr(os, "register_at_fork"):
            reference = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _close_in_child(reference()))

    def release(self) -> None:
        if self.handle is not None:
            with suppress(OSError):  # a folder that became read-only, or Windows: the file then stays
                self.path.unlink()  # while still locked: a later process creates a new file
            self.close()

    def close(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


def _close_in_child(lock: _LockedFile | None) -> None:
    if lock is not None:
        lock.close()


def _make(folder: Path) -> list[Path]:
    """Create a folder and its parents; returns those that were missing, the innermost first."""
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error
    return absent


def _acquire(folder: Path, purpose: str, warn: Callable[[str], None]) -> _LockedFile:
    path = folder / FILE
    patience = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _not_written(folder, error) from error
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                holder = _read(handle)
                os.close(handle)
                if _is_gone(holder) and time.monotonic() < patience:
                    time.sleep(0.05)
                    continue
                raise _in_use(folder, holder) from error
            warn(f"the file system of {folder} has no locks: do not start a second process that writes to it")
        if _is_still(path, handle):
            break
        os.close(handle)  # the previous holder removed the file between open and lock
    os.ftruncate(handle, 0)
    holder = {
        "process": os.getpid(),
        "host": platform.node(),
        "purpose": purpose,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    os.write(handle, json.dumps(holder).encode())
    return _LockedFile(path, handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond the content that others read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def _is_gone(holder: Mapping[str, Any]) -> bool:
    """Whether the process that locked a run on this machine has ended: a child of it may not know yet."""
    process = holder.get("process")
    if sys.platform == "win32" or type(process) is not int or process <= 0:
        return False
    if holder.get("host") != platform.node():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _read(handle: int) -> dict[str, Any]:
    try:
        holder = json.loads(os.pread(handle, 4096, 0) if hasattr(os, "pread") else os.read(handle, 4096))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _in_use(folder: Path, holder: dict[str, Any]) -> RunError:
    process, host = holder.get("process", "unknown"), holder.get("host")
    where = f" on {host}" if host and host != platform.node() else ""
    since = f" since {holder['since']}" if "since" in holder else ""
    return RunError(
        Problem(
            code="run-in-use",
            message=f"{folder} is in use by process {process}{where}, for {holder.get('purpose', 'writing')}"
            f"{since}",
            expected="only one process may write to a run: wait for it, stop it, or use another folder",
            next_step=f"ps -p {process}" if not where else None,
        )
    )


def _not_written(folder: Path, error: OSError) -> RunError:
    return RunError(
        Problem(
            code="run-not-written",
            message=f"{folder} cannot be written: {error.strerror or error}",
            expected="a writable folder",
            next_step="attnforge train RECIPE --out FOLDER",
        )
    )
