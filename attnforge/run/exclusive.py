"""One process at a time writes a run: a lock on a file that the system lets go of when the process ends.

The lock is the system's own (`flock`), so a process that is killed leaves none behind, whatever process id it
had and whichever other process has that id now. What stands in the file is for the error message alone.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RunError

FILE = ".in-use"
"""The file in a run folder that is locked."""
_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def exclusive(folder: Path, *, purpose: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Keep a folder for this process; one that is made for it is removed again when it stays empty.

    Args:
        folder: A run folder or a sweep's folder; made when it is not there.
        purpose: What the folder is used for, such as `training`, as another process will be told.
        warn: Called where the file system knows no locks and nothing can be promised.

    Raises:
        RunError: another process uses the folder, or it cannot be written.
    """
    made = _make(folder)
    try:
        held = _acquire(folder, purpose, warn)
        try:
            yield
        finally:
            held.release()
    finally:
        for path in made:
            with suppress(OSError):  # it is a run by now
                path.rmdir()


class _Held:
    """A locked file."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.handle: int | None = handle
        # a lock lasts until the last process that inherited its file has ended, and the processes that load
        # data outlive one that is killed by some seconds
        if hasattr(os, "register_at_fork"):
            reference = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _let_go(reference()))

    def release(self) -> None:
        if self.handle is not None:
            with suppress(OSError):  # a folder that became read-only, or Windows: the file then stays
                self.path.unlink()  # while it is locked: who opens the name later makes a new file
            self.close()

    def close(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


def _let_go(held: _Held | None) -> None:
    if held is not None:
        held.close()


def _make(folder: Path) -> list[Path]:
    """Make a folder with its parents; gives those that were not there, the innermost first."""
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error
    return absent


def _acquire(folder: Path, purpose: str, warn: Callable[[str], None]) -> _Held:
    path = folder / FILE
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _not_written(folder, error) from error
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                user = _read(handle)
                os.close(handle)
                raise _in_use(folder, user) from error
            warn(f"{folder} lies on a file system without locks: start no second process that writes to it")
        if _is_still(path, handle):
            break
        os.close(handle)  # the one before has removed the file between our two calls
    os.ftruncate(handle, 0)
    user = {
        "process": os.getpid(),
        "host": platform.node(),
        "purpose": purpose,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    os.write(handle, json.dumps(user).encode())
    return _Held(path, handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # behind what others read
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


def _read(handle: int) -> dict[str, Any]:
    try:
        user = json.loads(os.pread(handle, 4096, 0) if hasattr(os, "pread") else os.read(handle, 4096))
    except (OSError, ValueError):
        return {}
    return user if isinstance(user, dict) else {}


def _in_use(folder: Path, user: dict[str, Any]) -> RunError:
    process, host = user.get("process", "unknown"), user.get("host")
    where = f" on {host}" if host and host != platform.node() else ""
    since = f" since {user['since']}" if "since" in user else ""
    return RunError(
        Problem(
            code="run-in-use",
            message=f"{folder} is in use by process {process}{where}, for {user.get('purpose', 'writing')}"
            f"{since}",
            expected="one process at a time writes to a run: wait for it, stop it, or use another folder",
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
