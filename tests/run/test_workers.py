"""More loader processes than cores are worth a warning, once, in words of their own."""

from __future__ import annotations

import os

import pytest

from attnforge.run.tasks import excess_workers


def test_more_workers_than_cores_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    assert excess_workers(0) is None
    assert excess_workers(2) is None
    warning = excess_workers(64)
    assert warning is not None
    assert "`training.workers` is 64" in warning
    assert "2 cores" in warning
