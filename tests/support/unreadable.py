"""A file that is there and cannot be read, for whoever runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SOURCE = Path("/proc/self/mem")
"""Reading the memory of a process at address zero is an input/output error, for the superuser too."""

needs_an_unreadable_file = pytest.mark.skipif(not SOURCE.exists(), reason="only Linux has such a file")


def unreadable(path: Path) -> Path:
    """Make `path` a file that opens and cannot be read."""
    path.symlink_to(SOURCE)
    return path
