"""A trained run for everything that Python users call."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_run import shared_tiny

import attnforge
from attnforge.api.model import Model


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to its end; not to be changed."""
    return shared_tiny(tmp_path_factory.getbasetemp(), "tiny")


@pytest.fixture(scope="session")
def model(trained: Path) -> Model:
    return attnforge.load(trained, device="cpu")
