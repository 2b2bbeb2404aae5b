"""A run that was trained to its end, for tests that damage copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_run import shared_tiny

UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run without metrics; not to be changed."""
    unseen = "phases.gan.sample_every=0"
    return shared_tiny(tmp_path_factory.getbasetemp(), "unmeasured", UNMEASURED, unseen)


@pytest.fixture
def copied_run(whole_run: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copies the trained run to a folder of this name."""

    def copy(name: str = "run") -> Path:
        return Path(shutil.copytree(whole_run, tmp_path / name))

    return copy


@pytest.fixture(scope="session")
def trained(whole_run: Path) -> Path:
    """The same run under the name that it has in other tests."""
    return whole_run
