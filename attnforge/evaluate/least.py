"""How many images the least are of which a metric says something."""

from __future__ import annotations

LEAST = 10
"""Images of which a share is given. Its standard error is at most 0.5 / sqrt(n), here 16 points in 100; of
fewer images, not even the first digit is known, and 0% or 100% is what chance often gives."""


def too_few(count: int, *, least: int = LEAST, what: str = "images") -> str | None:
    """The reason to withhold a value that `count` of something make, or None where there are enough."""
    return f"{count:,} {what} are too few: {least:,} are the least" if count < least else None
