"""Tables for people and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnforge.terminal import print_json, print_text, printable


def listing(rows: Sequence[Mapping[str, object]], *, as_json: bool, columns: Sequence[str]) -> None:
    """Print rows as a table of these columns, or whole as JSON.

    Args:
        rows: The rows; every row has every column.
        as_json: Whether to print JSON.
        columns: The keys that the table shows.
    """
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        print_text("no entries", err=True)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        # A pipe has no width; do not wrap or cut.
        console = Console(highlight=False, width=100_000)
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        cells = ("" if row[column] is None else printable(str(row[column])) for column in columns)
        table.add_row(*map(Text, cells))
    console.print(table)
