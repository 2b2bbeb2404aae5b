"""Plots what runs logged as docs/images/curves.svg: a panel for each scalar, a line for each run.

    python docs/plot_curves.py docs/images/curves.svg "D adversarial 64" "G adversarial 64" -- RUN RUN

The commands that trained the runs are in docs/how-to/find-what-is-wrong.md. Run it again when these change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from attnforge.sweep.plot import Line, Panel, render_panels

AVERAGED = 5
"""Logged steps of which a point of a line is the mean."""
LIMIT = 20.0
"""Larger values are plotted as this."""


def line(run: Path, scalar: str, *, phase: str = "gan") -> Line:
    """What a run logged of a scalar in a phase, averaged over some steps."""
    rows = [json.loads(text) for text in (run / "metrics.jsonl").read_text().splitlines()]
    logged = [(row["step"], row[scalar]) for row in rows if row["phase"] == phase and scalar in row]
    groups = [logged[first : first + AVERAGED] for first in range(0, len(logged), AVERAGED)]
    points = [
        (float(group[-1][0]), max(-LIMIT, min(LIMIT, sum(value for _, value in group) / len(group))))
        for group in groups
    ]
    return Line(run.name, tuple(points))


def main(arguments: Sequence[str]) -> None:
    """Write the plot of the command line."""
    split = arguments.index("--")
    target, scalars = Path(arguments[0]), arguments[1:split]
    runs = [Path(run) for run in arguments[split + 1 :]]
    panels = [Panel(scalar, tuple(line(run, scalar) for run in runs)) for scalar in scalars]
    target.write_text(render_panels(panels, x="steps", title="Scalars of a healthy run and of two that fail"))


if __name__ == "__main__":
    main(sys.argv[1:])
