"""A tiny CLIP on disk, and no way to any other: a connection is an error."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("something is asked of the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP, for reading only."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tiny_clip import write_clip

    return write_clip(tmp_path_factory.mktemp("clip") / "weights")
