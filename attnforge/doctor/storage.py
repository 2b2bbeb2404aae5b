"""Checks that attnforge's folders can be written to and have enough free space."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attnforge.doctor.finding import OK, PROBLEM, WARNING, Finding, size

LOW_BYTES = 2**30
"""Below this, a run may lack space for its checkpoints."""
MIN_BYTES = 2**26
"""Below this, even a small run lacks space."""
SHARED = Path("/dev/shm")  # noqa: S108  (checked, not written to)
LOW_SHARED_BYTES = 2**28
"""Below this, processes that load data may lack shared memory for batches."""


def look(runs: Path) -> Iterator[Finding]:
    """Check the folder of runs, the temporary folder, Triton's cache, and shared memory."""
    yield folder(runs, "runs", "attnforge train RECIPE --out FOLDER", needed=True)
    yield folder(Path(tempfile.gettempdir()), "temporary files", "export TMPDIR=FOLDER", needed=False)
    yield folder(triton_cache(), "compiled kernels", "export TRITON_CACHE_DIR=FOLDER", needed=False)
    if SHARED.is_dir():
        free = shutil.disk_usage(SHARED).free
        text = f"{size(free)} of shared memory free for processes that load data"
        step = "" if free >= LOW_SHARED_BYTES else "attnforge train RECIPE training.workers=0"
        yield Finding("storage", str(SHARED), OK if free >= LOW_SHARED_BYTES else WARNING, text, step)


def folder(path: Path, purpose: str, step: str, *, needed: bool) -> Finding:
    """Check that files can be written to a folder, or to the nearest existing parent.

    Args:
        path: The folder, which need not exist.
        purpose: What it contains.
        step: What to do when it cannot be used.
        needed: Whether attnforge needs it.
    """
    failure = PROBLEM if needed else WARNING
    existing = path.expanduser().absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"0")
    except OSError as error:
        text = f"{purpose} cannot be written to {existing}: {error.strerror or error}"
        return Finding("storage", str(path), failure, text, step)
    free = shutil.disk_usage(existing).free
    state = OK if free >= LOW_BYTES else WARNING if free >= MIN_BYTES else failure
    return Finding("storage", str(path), state, f"{purpose}; {size(free)} free", "" if state == OK else step)


def triton_cache() -> Path:
    """Where Triton keeps compiled kernels."""
    if named := os.environ.get("TRITON_CACHE_DIR"):
        return Path(named)
    return Path(os.environ.get("TRITON_HOME") or Path.home()) / ".triton" / "cache"
