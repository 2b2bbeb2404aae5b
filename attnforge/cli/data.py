"""`attnforge data`: looks at data sets before anything is trained on them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from attnforge.data.checking import FolderReport, Spread


@click.group()
def command() -> None:
    """Look at a data set before training on it."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, path: Path, as_json: bool) -> None:
    """Say what is in the folder PATH, and every problem with its line; exits with 1 when there are any."""
    from attnforge.data.checking import check_folder

    report = check_folder(path)
    click.echo(json.dumps(report.plain(), indent=2) if as_json else _printable(_page(report)))
    context.exit(1 if report.problems else 0)


def _printable(text: str) -> str:
    """The text as the terminal can show it; other characters become escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _page(report: FolderReport) -> str:
    lines = [str(problem) for problem in report.problems]
    if report.pictures:
        lines += [
            report.source,
            f"  pictures              {report.pictures:,} ({_counts(report.splits)})",
            f"  classes               {report.classes:,}"
            if report.classes
            else "  classes               none given",
            f"  bounding boxes        {report.boxes:,}",
            f"  captions              {report.captions:,}, {_spread(report.captions_per_picture)} a picture",
            f"  words a caption       {_spread(report.words_per_caption)}",
            f"  vocabulary            {report.vocabulary:,} words",
            f"  most frequent words   {_counts(report.frequent_words)}",
            f"  picture sizes         {_counts(report.sizes, most=6)}",
            f"  picture modes         {_counts(report.modes)}",
        ]
    count = len(report.problems)
    lines.append(f"{count:,} problem{'' if count == 1 else 's'}" if count else "no problems")
    return "\n".join(lines)


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "none"
    if spread.least == spread.most:
        return str(spread.least)
    return f"{spread.least} to {spread.most} (median {spread.median})"


def _counts(counts: dict[str, int], *, most: int = 20) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:most])
    more = len(counts) - most
    return f"{shown} and {more:,} others" if more > 0 else shown
