"""A trained run to export, and its page."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import pytest
from tiny_run import shared_tiny

from attnforge.cli import run
from attnforge.export.web.contents import store_weights
from attnforge.sampling.pipeline import Pipeline


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to its end; not to be changed."""
    return shared_tiny(tmp_path_factory.getbasetemp(), "tiny")


@pytest.fixture(scope="session")
def page(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of the run."""
    out = tmp_path_factory.mktemp("page") / "new" / "bird.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # while torch traces, sizes are symbols
        assert run(["export", "web", str(trained), "-o", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def stored(trained: Path) -> Pipeline:
    """The run with the weights of the page."""
    pipeline = Pipeline.load(trained, device="cpu")
    store_weights(pipeline, "int8")
    return pipeline


@pytest.fixture
def untyped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without checks of annotations at run time: while torch traces, sizes are symbols and no integers."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
