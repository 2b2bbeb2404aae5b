"""What the commands that export graphs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from attnforge.cli.paths import PATH
from attnforge.terminal import print_text

if TYPE_CHECKING:
    from attnforge.export.writing import Written

Function = TypeVar("Function", bound=Callable[..., Any])


def graph_options(function: Function) -> Function:
    """The options of a command that exports graphs."""
    function = click.option(
        "--words",
        type=click.IntRange(1, 4096),
        help="Tokens to which captions are padded; by default twice those of the longest sample caption, "
        "at least 24.",
    )(function)
    return click.option("-o", "--out", type=PATH, required=True, help="The folder to create.")(function)


def print_written(written: Written) -> None:
    """Print the paths, what the export lacks, and how far it was compared."""
    for path in written.paths:
        print_text(path)
    if written.without_text is not None:
        print_text(f"warning: no text encoder: {written.without_text}", err=True)
    print_text(f"images differ from the run's by at most {written.difference:.1e}, of values from -1 to 1")
