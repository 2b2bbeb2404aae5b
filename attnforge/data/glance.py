"""Finds pictures that are cut short or no pictures at all, by their first and last bytes.

That takes some hundredths of a millisecond a file, so training can look at all its pictures before it starts.
What it cannot see, `attnforge data check` finds: it decodes them all.
"""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from attnforge.data.pictures import BROKEN, said
from attnforge.errors import Place, Problem

ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG\r\n\x1a\n": b"IEND\xaeB`\x82"}
"""How a JPEG and a PNG begin, and what stands at their end."""
TAIL = 1 << 16
"""Bytes at the end among which the end is looked for: some cameras and sites write behind it."""


def glance(path: Path, *, place: Place | None = None, next_step: str | None = None) -> Problem | None:
    """What is obviously wrong with a picture file, or None.

    Args:
        path: The file.
        place: Where the picture is named, for the problem.
        next_step: The command that finds or mends it.
    """
    wrong = _wrong(path)
    if wrong is None:
        return None
    message = f"picture {path} cannot be read: {wrong}"
    return Problem("broken-picture", message, place, "a whole picture", next_step)


def _wrong(path: Path) -> str | None:
    try:
        with path.open("rb") as opened:
            head = opened.read(8)
            if not head:
                return "it is empty"
            end = next((end for start, end in ENDS.items() if head.startswith(start)), None)
            if end is None:
                Image.open(path).close()
                return None
            size = opened.seek(0, os.SEEK_END)
            for tail in (len(end), TAIL):
                opened.seek(max(0, size - tail))
                if end in opened.read(tail):
                    return None
            return "it is cut short, its end is missing"
    except BROKEN as error:
        return said(error)
