"""Where `attnforge doctor` looks for what Triton compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnforge.doctor import storage


def test_tritons_cache_is_where_triton_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    monkeypatch.setenv("TRITON_HOME", str(tmp_path))
    assert storage.triton_cache() == tmp_path / ".triton" / "cache"
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "here"))
    assert storage.triton_cache() == tmp_path / "here"
