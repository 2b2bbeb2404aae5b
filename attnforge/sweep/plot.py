"""Renders plots over training and of several systems as an SVG image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a07800", "#56b4e9", "#222222")
"""A palette for colour-blind readers (Okabe and Ito, 2008), the yellow darkened for a white background."""
DASHES = ("", "7 3", "2 3")
WIDTH, HEIGHT = 440, 300
"""Size of a panel in pixels, including its axes."""
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 40, 48
COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One run or system in a panel."""

    label: str
    points: tuple[tuple[float, float], ...]
    intervals: tuple[tuple[float, float], ...] = ()
    """The ends of each point's interval, drawn as a bar; nothing for points without."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric, over training or of several systems."""

    title: str
    lines: tuple[Line, ...]
    numbered: bool = True
    """Whether the horizontal axis has numbers; not where it tells systems apart."""


def render_panels(panels: Sequence[Panel], *, x: str, title: str, logarithmic: bool = False) -> str:
    """Panels side by side, with one legend for all below them.

    Args:
        panels: The panels, each with the same runs in the same order.
        x: The label of the horizontal axes.
        title: The title of the image, for screen readers.
        logarithmic: Whether both axes are logarithmic, for positive values.
    """
    columns = min(COLUMNS, max(1, len(panels)))
    rows = math.ceil(len(panels) / columns)
    width = max(WIDTH * columns, 2 * WIDTH)
    labels = [line.label for line in panels[0].lines] if panels else []
    legend, legend_height = _legend(labels, width=width, top=rows * HEIGHT + 6)
    height = rows * HEIGHT + legend_height + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        left, top = number % columns * WIDTH, number // columns * HEIGHT
        parts += [
            f'<g transform="translate({left} {top})">',
            *_panel(panel, x=x, logarithmic=logarithmic),
            "</g>",
        ]
    if not panels:
        parts.append('<text x="20" y="30">no measurements yet</text>')
    return "\n".join([*parts, *legend, "</svg>", ""])


def ticks(low: float, high: float, *, limit: int = 6) -> list[float]:
    """Round values that span a range: steps of 1, 2 or 5 times a power of ten."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / limit))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= limit)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * number, 12) for number in range(first, max(last, first + 1) + 1)]


def logarithmic_ticks(low: float, high: float) -> list[float]:
    """Powers of ten that span a positive range, with twice and five times these if they are few."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    factors = (1, 2, 5) if last - first < 3 else (1,)
    marks = [factor * 10.0**power for power in range(first, last + 2) for factor in factors]
    begin = max(number for number, mark in enumerate(marks) if mark <= low * (1 + 1e-9))
    end = next(number for number, mark in enumerate(marks) if mark >= high * (1 - 1e-9))
    return [round(mark, 12) for mark in marks[begin : max(end, begin + 1) + 1]]


def _panel(panel: Panel, *, x: str, logarithmic: bool) -> list[str]:
    points = [point for line in panel.lines for point in line.points] or [(1.0, 1.0)]
    lows = [min(point[axis] for point in points) for axis in (0, 1)]
    highs = [max(point[axis] for point in points) for axis in (0, 1)]
    ends = [end for line in panel.lines for interval in line.intervals for end in interval]
    lows[1], highs[1] = min([lows[1], *ends]), max([highs[1], *ends])
    if logarithmic:
        across, up = (logarithmic_ticks(low, high) for low, high in zip(lows, highs, strict=True))
    else:
        across, up = ticks(min(0.0, lows[0]), highs[0]), ticks(lows[1], highs[1])

    def at(value: float, marks: Sequence[float], begin: float, end: float) -> float:
        if logarithmic:
            value, marks = math.log10(value), [math.log10(mark) for mark in marks]
        return round(begin + (value - marks[0]) / (marks[-1] - marks[0]) * (end - begin), 1)

    def right(value: float) -> float:
        return at(value, across, LEFT, WIDTH - RIGHT)

    def down(value: float) -> float:
        return at(value, up, HEIGHT - BOTTOM, TOP)

    parts = [
        f'<text x="{LEFT}" y="{TOP - 16}" font-size="14" font-weight="bold">{escape(panel.title)}</text>'
    ]
    for mark in up:
        y = down(mark)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{mark:g}</text>')
    for mark in across if panel.numbered else ():
        place = right(mark)
        parts.append(f'<path d="M{place} {HEIGHT - BOTTOM}v5" stroke="#555"/>')
        parts.append(f'<text x="{place}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{mark:g}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#555"/>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x)}</text>'
    )
    for number, line in enumerate(panel.lines):
        places = [(right(p), down(v)) for p, v in line.points]
        if len(places) > 1:
            path = "L".join(f"{a} {b}" for a, b in places)
            parts.append(f'<path d="M{path}" fill="none" {_stroke(number)}/>')
        for (place, _), (low, high) in zip(places, line.intervals, strict=False):
            bar = f"M{place} {down(low)}V{down(high)}M{place - 4} {down(low)}h8M{place - 4} {down(high)}h8"
            parts.append(f'<path d="{bar}" fill="none" {_stroke(number)}/>')
        parts += [_marker(number, a, b) for a, b in places]
    return parts


def _legend(labels: Sequence[str], *, width: int, top: int) -> tuple[list[str], int]:
    parts = []
    place, row = LEFT, 0
    for number, label in enumerate(labels):
        needed = 44 + 7 * len(label)
        if place + needed > width and place > LEFT:
            place, row = LEFT, row + 1
        y = top + 22 * row + 10
        parts.append(f'<path d="M{place} {y}h26" {_stroke(number)}/>')
        parts.append(_marker(number, place + 13, y))
        parts.append(f'<text x="{place + 33}" y="{y + 4}">{escape(label)}</text>')
        place += needed + 8
    return parts, 22 * (row + 1)


def _stroke(number: int) -> str:
    dash = DASHES[number // len(COLOURS) % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2"{dashed}'


def _marker(number: int, x: float, y: float) -> str:
    """A different shape for neighbouring lines, so that they can be distinguished without colour."""
    shapes = (
        f"M{x - 4} {y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
        f"M{x - 3.5} {y - 3.5}h7v7h-7z",
        f"M{x} {y - 5}l5 5l-5 5l-5 -5z",
        f"M{x} {y - 5}l4.5 8h-9z",
        f"M{x} {y + 5}l4.5 -8h-9z",
    )
    return f'<path d="{shapes[number % len(shapes)]}" fill="{COLOURS[number % len(COLOURS)]}"/>'
