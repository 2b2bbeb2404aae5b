"""Folders that attnforge writes to: may it, and is there room?"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attnforge.cli.diagnosis.finding import OK, PROBLEM, WARNING, Finding, size

LITTLE = 2**30
"""Bytes below which a run may not find room for its checkpoints."""
NOTHING = 2**26
"""Bytes below which not even a small run would."""
SHARED = Path("/dev/shm")  # noqa: S108  (looked at, not written to)
LITTLE_SHARED = 2**28
"""Bytes of shared memory below which processes that load data may find no room for batches."""


def look(runs: Path) -> Iterator[Finding]:
    """The folder of runs, the temporary folder, Triton's cache, and shared memory."""
    yield folder(runs, "runs", "attnforge train RECIPE --out FOLDER", needed=True)
    yield folder(Path(tempfile.gettempdir()), "temporary files", "export TMPDIR=FOLDER", needed=False)
    yield folder(triton_cache(), "compiled kernels", "export TRITON_CACHE_DIR=FOLDER", needed=False)
    if SHARED.is_dir():
        free = shutil.disk_usage(SHARED).free
        text = f"{size(free)} free of shared memory for processes that load data"
        step = "" if free >= LITTLE_SHARED else "attnforge train RECIPE training.workers=0"
        yield Finding("storage", str(SHARED), OK if free >= LITTLE_SHARED else WARNING, text, step)


def folder(path: Path, purpose: str, step: str, *, needed: bool) -> Finding:
    """Whether files can be written to a folder, or to the one that it would be made in.

    Args:
        path: The folder, which need not be there yet.
        purpose: What it holds.
        step: What to do when it cannot be used.
        needed: Whether nothing works without it.
    """
    bad = PROBLEM if needed else WARNING
    there = path.expanduser().absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"0")
    except OSError as error:
        text = f"{purpose} cannot be written to {there}: {error.strerror or error}"
        return Finding("storage", str(path), bad, text, step)
    free = shutil.disk_usage(there).free
    state = OK if free >= LITTLE else WARNING if free >= NOTHING else bad
    return Finding("storage", str(path), state, f"{purpose}; {size(free)} free", "" if state == OK else step)


def triton_cache() -> Path:
    """Where Triton keeps compiled kernels."""
    if named := os.environ.get("TRITON_CACHE_DIR"):
        return Path(named)
    return Path(os.environ.get("TRITON_HOME") or Path.home()) / ".triton" / "cache"
