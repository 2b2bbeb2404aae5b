"""`attnforge data`: lays out data sets and looks at them before anything is trained on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.paths import PATH
from attnforge.errors import DataError, Problem
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.data.checking import FolderReport, Spread
    from attnforge.data.metadata import Row
    from attnforge.data.preparing import Layout


@click.group()
def command() -> None:
    """Lay out a data set, or look at it, before training on it."""


@command.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, path: Path, as_json: bool) -> None:
    """Say what is in the folder PATH, and every problem with its line; exits with 1 when there are any.

    Problems are what training refuses. Remarks are worth a look, and change nothing about the exit code.
    """
    from attnforge.data.checking import check_folder

    _show(context, check_folder(path, watch=_watch), as_json)


@command.command()
@click.argument("name", metavar="DATASET")
@click.option(
    "--from",
    "sources",
    multiple=True,
    type=PATH,
    metavar="ARCHIVE_OR_FOLDER",
    help="Where files come from; may be given several times. Without it, ROOT is only checked.",
)
@click.option(
    "--output",
    "-o",
    type=PATH,
    required=True,
    metavar="ROOT",
    help="The data's folder.",
)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the data set that says which files are read, such as train=annotations/my.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def prepare(
    context: click.Context,
    name: str,
    sources: tuple[Path, ...],
    output: Path,
    options: tuple[str, ...],
    as_json: bool,
) -> None:
    """Lay out DATASET, such as `cub` or `coco`, in ROOT, open every image and name every problem.

    Files are found wherever they lie in the archives, archives within archives included, and put where the
    data set wants them. Archives with links, absolute paths or paths that lead out of them are refused.
    Exits with 1 when there are any problems.
    """
    from attnforge.data.checking import check_images
    from attnforge.data.preparing import prepare as put_in_place

    layout = _layout(name)
    if sources:
        written = put_in_place(layout, sources, output)
        with click.progressbar(
            written, label="files", show_eta=False, file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as shown:
            count = sum(1 for _ in shown)
        print_text(f"{count:,} files in {output}", err=True)
    metadata = layout.read_with(output, options)
    report = check_images(output, metadata, watch=_watch, next_step=metadata.next_step)
    _show(context, report, as_json)


def _watch(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, with a bar on a terminal that shows how many are done."""
    with click.progressbar(rows, label="images", file=sys.stderr, hidden=not sys.stderr.isatty()) as shown:
        yield from shown


def _layout(name: str) -> Layout:
    """How the data set of that name lies in its folder."""
    from attnforge.data.preparing import Layout
    from attnforge.plugin import load_plugins

    registry = load_plugins().registry
    layout = getattr(registry.load(registry.get("dataset", name)), "layout", None)
    if isinstance(layout, Layout):
        return layout
    message = f"the data set `{name}` has no layout that files could be put into"
    raise DataError(Problem("nothing-to-lay-out", message, next_step="attnforge components dataset"))


def _show(context: click.Context, report: FolderReport, as_json: bool) -> None:
    if as_json:
        print_json(report.plain())
    else:
        print_text(_page(report))
    context.exit(1 if report.problems else 0)


def _page(report: FolderReport) -> str:
    lines = [str(problem) for problem in report.problems]
    lines += [str(remark).replace("error[", "remark[", 1) for remark in report.remarks]
    if report.images:
        lines += [
            report.source,
            f"  images              {report.images:,} ({_counts(report.splits)})",
            f"  classes               {report.classes:,}"
            if report.classes
            else "  classes               none given",
            f"  bounding boxes        {report.boxes:,}",
            f"  captions              {report.captions:,}, {_spread(report.captions_per_image)} an image",
            f"  words a caption       {_spread(report.words_per_caption)}",
            f"  vocabulary            {report.vocabulary:,} words",
            f"  most frequent words   {_counts(report.frequent_words)}",
            f"  image sizes         {_counts(report.sizes, most=6)}",
            f"  image modes         {_counts(report.modes)}",
        ]
    count = _number(len(report.problems), "problem") if report.problems else "no problems"
    lines.append(f"{count}, {_number(len(report.remarks), 'remark')}" if report.remarks else count)
    return "\n".join(lines)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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
