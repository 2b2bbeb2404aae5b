"""A trained run to export."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import pytest
from tiny_run import shared_tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to its end; not to be changed."""
    return shared_tiny(tmp_path_factory.getbasetemp(), "tiny")


@pytest.fixture
def untyped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without checks of annotations at run time: while torch traces, sizes are symbols and no integers."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
