"""Samples of the fixed captions during training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from attnforge.report.images import thumbnail_uri

MAX_COLUMNS = 12
"""Steps shown of a phase at most, evenly spaced, with the first and the last."""
SIDE = 96
"""Side of the thumbnails in pixels: the table shows change, not detail."""

_FOLDER = re.compile(r"(?P<phase>.+)-(?P<step>\d+)")


class History(TypedDict):
    """The samples of one phase."""

    phase: str
    steps: list[int]
    captions: list[str]
    images: list[list[str | None]]
    """One row for each caption, one column for each step; None for a missing or damaged image."""


def histories(folder: Path, captions: Sequence[str]) -> list[History]:
    """The samples of a run folder by phase, in the order of training."""
    phases: dict[str, dict[int, Path]] = {}
    samples = folder / "samples"
    entries = sorted(samples.iterdir()) if samples.is_dir() else []
    for entry in entries:
        match = _FOLDER.fullmatch(entry.name)
        if match and entry.is_dir():
            phases.setdefault(match["phase"], {})[int(match["step"])] = entry
    return [_history(phase, steps, captions) for phase, steps in phases.items()]


def _history(phase: str, folders: dict[int, Path], captions: Sequence[str]) -> History:
    steps = evenly_spaced(sorted(folders), MAX_COLUMNS)
    last = (int(path.stem) for path in folders[steps[-1]].glob("*.png") if path.stem.isdecimal())
    rows = max(len(captions), max(last, default=-1) + 1)
    images = [
        [thumbnail_uri(folders[step] / f"{number:02d}.png", side=SIDE) for step in steps]
        for number in range(rows)
    ]
    titles = [*captions, *(f"image {number}" for number in range(len(captions), rows))]
    return History(phase=phase, steps=steps, captions=titles, images=images)


def evenly_spaced(values: Sequence[int], limit: int) -> list[int]:
    """At most `limit` of the values, evenly spaced, including the first and the last."""
    if len(values) <= limit:
        return list(values)
    return [values[round(position * (len(values) - 1) / (limit - 1))] for position in range(limit)]
