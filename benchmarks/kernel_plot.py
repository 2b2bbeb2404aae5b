"""Time and memory of both operations over the batch size, as an SVG image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kernel_rows import Row

from attnforge.sweep.plot import Line, Panel, render_panels


def draw(rows: Sequence[Row], *, device: str) -> str:
    """Panels for each operation: time of a training step's passes, and memory, over the batch size.

    Args:
        rows: Of several batch sizes; those of the first type of numbers and number of threads are drawn.
        device: What the machine is called.
    """
    first = rows[0]
    drawn = [
        row for row in rows if row.mode == "both" and (row.dtype, row.threads) == (first.dtype, first.threads)
    ]
    names = list(dict.fromkeys(row.provider for row in drawn if row.milliseconds is not None))
    panels = []
    for operation in dict.fromkeys(row.operation for row in drawn):
        own = [row for row in drawn if row.operation == operation]
        title = operation.replace("-", " ")
        panels += [
            Panel(f"{title}: milliseconds", _lines(own, names, lambda row: row.milliseconds)),
            Panel(f"{title}: megabytes at the most", _lines(own, names, lambda row: row.peak_megabytes)),
        ]
    threads = f"{first.threads} thread{'s' * (first.threads > 1)}"
    title = f"Forward and backward on {device}, {first.dtype}, {threads}"
    return render_panels(panels, x="batch size", title=title, logarithmic=True)


def _lines(
    rows: Sequence[Row], names: Sequence[str], figure: Callable[[Row], float | None]
) -> tuple[Line, ...]:
    return tuple(
        Line(
            name,
            tuple(
                (float(row.batch), value)
                for row in rows
                if row.provider == name and (value := figure(row)) is not None
            ),
        )
        for name in names
    )
