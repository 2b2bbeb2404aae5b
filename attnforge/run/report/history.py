"""What the fixed captions looked like over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from attnforge.run.report.images import thumbnail_uri

COLUMNS = 12
"""At most this many moments a phase, evenly chosen; the first and the last are always there."""
SIDE = 96
"""Larger images are made this small: the table shows change, not detail."""

_FOLDER = re.compile(r"(?P<phase>.+)-(?P<step>\d+)")


class History(TypedDict):
    """The samples of one phase."""

    phase: str
    steps: list[int]
    captions: list[str]
    images: list[list[str | None]]
    """A row a caption, a column a step; None where an image is missing or damaged."""


def histories(folder: Path, captions: Sequence[str]) -> list[History]:
    """The samples of a run folder, phase by phase in the order in which they were first drawn."""
    found: dict[str, dict[int, Path]] = {}
    samples = folder / "samples"
    entries = sorted(samples.iterdir()) if samples.is_dir() else []
    for entry in entries:
        match = _FOLDER.fullmatch(entry.name)
        if match and entry.is_dir():
            found.setdefault(match["phase"], {})[int(match["step"])] = entry
    return [_history(phase, steps, captions) for phase, steps in found.items()]


def _history(phase: str, folders: dict[int, Path], captions: Sequence[str]) -> History:
    steps = evenly(sorted(folders), COLUMNS)
    last = (int(path.stem) for path in folders[steps[-1]].glob("*.png") if path.stem.isdecimal())
    rows = max(len(captions), max(last, default=-1) + 1)
    images = [
        [thumbnail_uri(folders[step] / f"{number:02d}.png", side=SIDE) for step in steps]
        for number in range(rows)
    ]
    named = [*captions, *(f"image {number}" for number in range(len(captions), rows))]
    return History(phase=phase, steps=steps, captions=named, images=images)


def evenly(values: Sequence[int], most: int) -> list[int]:
    """At most `most` of the values, evenly spread, the first and the last among them."""
    if len(values) <= most:
        return list(values)
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]
