"""Small tables as text, whose last column is wrapped to the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

MIN_WIDTH = 30
"""Characters of the last column, however narrow the terminal is."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below their headings, indented by two; columns before the last are as wide as needed.

    Args:
        heads: The heading of each column.
        rows: The cells of each row.
    """
    widest = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads) - 1)]
    before = 2 + sum(width + 2 for width in widest)
    room = max(MIN_WIDTH, shutil.get_terminal_size((110, 24)).columns - before)
    lines = []
    for row in (heads, *rows):
        first = "  " + "".join(f"{cell:<{width}}  " for cell, width in zip(row, widest, strict=False))
        wrapped = textwrap.wrap(row[-1], room) or [""]
        lines += [(first + wrapped[0]).rstrip(), *(" " * before + more for more in wrapped[1:])]
    return "\n".join(lines)
