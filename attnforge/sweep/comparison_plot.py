"""Plots a comparison of systems: a panel for each metric, a point with its interval for each system."""

from __future__ import annotations

from attnforge.evaluate.comparing import Comparison, Row
from attnforge.evaluate.headlines import title, with_unit
from attnforge.sweep.plot import Line, Panel, render_panels

INTERVALS = "bars: 95% interval over images of shares and scores, deviation over subsets of others"


def comparison_plot(comparison: Comparison) -> str:
    """The comparison as an SVG image; systems are distinguished by colour, shape and place."""
    names = [row.name for row in comparison.rows]
    panels = [
        Panel(
            with_unit(title(row.name, names), share=row.share),
            tuple(_line(row, comparison.systems, number) for number in range(len(comparison.systems))),
            numbered=False,
        )
        for row in comparison.rows
    ]
    return render_panels(panels, x=INTERVALS, title=f"{', '.join(comparison.systems)} compared")


def _line(row: Row, systems: list[str], number: int) -> Line:
    point = row.points[number]
    if point is None:
        return Line(systems[number], ())
    return Line(systems[number], ((number + 1.0, point.value),), ((point.low, point.high),))
