"""The minimum number of images for a metric."""

from __future__ import annotations

MIN_IMAGES = 10
"""Images for which a share is reported. Its standard error is at most 0.5 / sqrt(n), here 16 percentage
points; with fewer images, not even the first digit is known, and 0% or 100% often occurs by chance."""


def too_few(count: int, *, minimum: int = MIN_IMAGES, what: str = "images") -> str | None:
    """The reason to withhold a value computed from `count` items, or None if there are enough."""
    return f"at least {minimum:,} {what} are needed, not {count:,}" if count < minimum else None
