"""A page of a tiny run, as its browser and its tests ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_run import shared_tiny

pytest.importorskip("fastapi", reason="fastapi is not installed")

from fastapi.testclient import TestClient

from attnforge.play.app import create_app
from attnforge.play.runs import PlayedRuns
from attnforge.sampling.pipeline import Pipeline

CAPTION = "a red bird with blue wings"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to its end; not to be changed."""
    return shared_tiny(tmp_path_factory.getbasetemp(), "tiny")


@pytest.fixture(scope="session")
def played(trained: Path) -> PlayedRuns:
    """The run, as the page has loaded it."""
    return PlayedRuns.load([trained], device="cpu")


@pytest.fixture(scope="session")
def client(played: PlayedRuns) -> Iterator[Any]:
    """The page's server, without its guard."""
    with TestClient(create_app(played)) as opened:
        yield opened


@pytest.fixture(scope="session")
def pipeline(played: PlayedRuns) -> Pipeline:
    """What the server generates with."""
    return played.pipeline(0)


@pytest.fixture(scope="session")
def problem_codes() -> Callable[[Any], list[str]]:
    """The codes of the problems of an answer."""
    return lambda answer: [problem["code"] for problem in answer.json()["problems"]]
