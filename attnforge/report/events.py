"""Reads the events of a run's log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def events(run: Path) -> Iterator[Mapping[str, Any]]:
    """The events in order; damaged lines are skipped, and a missing log has none."""
    try:
        lines = (run / "log.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry


def end_of(run: Path) -> Mapping[str, Any]:
    """How the last training ended, with its `reason`; empty where it goes on or was killed."""
    end: Mapping[str, Any] = {}
    for entry in events(run):
        if entry.get("event") == "ended":
            end = entry
        elif entry.get("event") in ("started", "resumed"):
            end = {}
    return end
