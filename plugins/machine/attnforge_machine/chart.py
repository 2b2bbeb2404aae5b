"""A small line chart as SVG, in the colour of the surrounding text and without external references."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 480, 120, 18


def line(points: Sequence[tuple[float, float]], *, title: str, unit: str) -> str:
    """A chart of points from left to right, labelled with the highest value; empty without two points.

    Args:
        points: Positions and values; values are at least 0.
        title: The title, also for screen readers.
        unit: The unit of the values, unless the title has it.
    """
    if len(points) < 2:
        return ""
    left, right = points[0][0], points[-1][0]
    top = max(value for _, value in points)
    x_scale = (WIDTH - 2) / max(right - left, 1e-9)
    y_scale = (HEIGHT - 2 * MARGIN) / max(top, 1e-9)
    corners = " ".join(
        f"{1 + (position - left) * x_scale:.1f},{HEIGHT - MARGIN - value * y_scale:.1f}"
        for position, value in points
    )
    baseline = HEIGHT - MARGIN
    label = f"{title}: up to {number(top)} {unit}".rstrip()
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" aria-label="{escape(label)}">'
        f'<text x="1" y="{MARGIN - 6}" font-size="11" fill="currentColor">{escape(label)}</text>'
        f'<line x1="1" y1="{baseline}" x2="{WIDTH - 1}" y2="{baseline}" stroke="currentColor" opacity="0.3"/>'
        f'<polyline points="{corners}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<text x="1" y="{HEIGHT - 4}" font-size="11" fill="currentColor">{number(left)} s</text>'
        f'<text x="{WIDTH - 1}" y="{HEIGHT - 4}" font-size="11" fill="currentColor" text-anchor="end">'
        f"{number(right)} s</text></svg>"
    )


def number(value: float) -> str:
    """A number with three significant digits and without an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def size(count: int | None) -> str:
    """Bytes in a readable unit; a dash if unknown."""
    if count is None:
        return "-"
    value, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{number(value)} {unit}"


def elapsed(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, such as `1:02:05`; short times with a fraction."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
