"""A trained run for the commands that need one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to its end; not to be changed."""
    from tiny_run import train_tiny

    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert train_tiny(path).finished
    return path
