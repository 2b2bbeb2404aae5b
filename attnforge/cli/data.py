"""`attnforge data`: prepares and checks data sets before training."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.paths import PATH
from attnforge.errors import DataError, Place, Problem
from attnforge.terminal import print_json, print_text

if TYPE_CHECKING:
    from attnforge.data.checks.checking import FolderReport, Spread
    from attnforge.data.reading.preparing import Layout
    from attnforge.data.reading.rows import Row

SHOWN = 20
"""Problems of one code that `check` prints."""


@click.group()
def command() -> None:
    """Prepare or check a data set before training on it."""


@command.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, path: Path, as_json: bool) -> None:
    """Summarize the data in PATH, a folder of images or of shards, and report every problem with its line.

    Problems are what training would refuse; if there are any, the exit code is 1. Remarks are worth a look,
    and do not affect the exit code.
    """
    from attnforge.data.checks.checking import check_folder, check_images
    from attnforge.data.shards.checking import damaged_shards
    from attnforge.data.shards.locating import has_shards
    from attnforge.data.shards.reading import read_shards

    if not has_shards(path):
        _show(context, check_folder(path, watch=_watch), as_json)
        return
    metadata, store = read_shards(str(path))
    damaged = damaged_shards(path)
    _show(context, check_images(store, metadata, watch=_watch, problems=damaged), as_json)


def _encoding(context: click.Context, parameter: click.Parameter, name: str) -> str:
    try:
        "a".encode(name)
    except LookupError as error:
        raise click.BadParameter(f"{name!r} is not an encoding that Python knows.") from error
    return name


@command.command()
@click.argument("folder", type=PATH)
@click.option(
    "--caption",
    metavar="TEMPLATE",
    help="Make captions of the names of folders, such as 'a photo of a {class}'.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=COLUMN",
    help="What a table calls `file_name`, `text`, `class_id`, `bbox` or `split`, such as file_name=image.",
)
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    metavar="NAME",
    callback=_encoding,
    help="What texts and tables are written in, such as cp1252 of spreadsheets on Windows.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def convert(
    folder: Path, caption: str | None, columns: tuple[str, ...], encoding: str, as_json: bool
) -> None:
    """Write the metadata.jsonl of FOLDER from the captions that other tools left in it.

    Captions are read from text files called as the images, each line a caption, or else from tables: CSV with
    any separator, JSON, Parquet, or annotations of COCO. With `--caption`, they are made of the names of
    folders.
    """
    from attnforge.data.reading.converting import TARGET, convert

    converted = convert(folder, template=caption, renames=_renames(columns), encoding=encoding)
    total = {
        "images": len(converted.rows) - converted.missing,
        "captions": converted.captions,
        "images without captions": converted.without_captions,
        "lines without an image": converted.missing,
    }
    if as_json:
        print_json(
            {"file": str(folder / TARGET), "source": converted.source, "unread": converted.unread, **total}
        )
        return
    counts = ", ".join(_counted(number, name) for name, number in total.items() if number)
    print_text(f"{counts}, from {converted.source}, in {folder / TARGET}")
    if converted.unread:
        print_text(f"not read, since no captions of images are in it: {', '.join(converted.unread)}")
    print_text(f"next: attnforge data check {shlex.quote(str(folder))}")


def _counted(number: int, name: str) -> str:
    """A number of things, such as `1 image without captions`; the name is plural."""
    noun, *rest = name.split(" ")
    return " ".join([f"{number:,}", noun.removesuffix("s") if number == 1 else noun, *rest])


def _renames(columns: Sequence[str]) -> dict[str, str]:
    """The pairs of `--column`."""
    known = ("file_name", "text", "captions", "class_id", "bbox", "split")
    pairs = {}
    for pair in columns:
        name, equals, column = pair.partition("=")
        if not equals or not column or name not in known:
            raise click.UsageError(f"--column {pair} is not NAME=COLUMN with NAME one of {', '.join(known)}.")
        pairs[name] = column
    return pairs


@command.command()
@click.argument("source", type=PATH)
@click.argument("target", metavar="DEST", type=PATH)
@click.option(
    "--images",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    show_default=True,
    help="Images in each shard.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def shard(source: Path, target: Path, images: int, as_json: bool) -> None:
    """Write the images and captions of the folder SOURCE as shards to the folder DEST.

    Shards are tar files of the WebDataset format: a few large files, which networks and object stores read
    much faster than a million small ones. The same images give the same bytes. An interrupted command
    resumes when it is run again. Train on them with `data: {use: shards, root: DEST}`.
    """
    from attnforge.data.reading.stored_metadata import read_stored
    from attnforge.data.shards.writing import write_shards

    _refuse_own_source(source, target)
    metadata, store = read_stored(source)
    count = -(-len(metadata.rows) // images)
    records = write_shards(metadata, store, target, images_per_shard=images)
    with click.progressbar(
        records, length=count, label="shards", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as shown:
        written = list(shown)
    total = {
        "shards": len(written),
        "images": sum(record.images for record in written),
        "captions": sum(record.captions for record in written),
        "bytes": sum(record.bytes for record in written),
    }
    if as_json:
        print_json({"folder": str(target), **total})
    else:
        print_text(", ".join(_counted(number, name) for name, number in total.items()) + f" in {target}")


@command.command()
@click.argument("name", metavar="DATASET")
@click.option(
    "--from",
    "sources",
    multiple=True,
    type=PATH,
    metavar="ARCHIVE_OR_FOLDER",
    help="Where to take files from; may be given several times. Without it, ROOT is only checked.",
)
@click.option(
    "--output",
    "-o",
    type=PATH,
    required=True,
    metavar="ROOT",
    help="The folder of the data.",
)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the data set that selects files, such as train=annotations/my.json.",
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
    """Prepare DATASET, such as `cub` or `coco`, in ROOT, open every image and report every problem.

    Files are found anywhere in the archives, including nested archives, and copied to where the data set
    expects them. Archives with links, absolute paths or paths that lead outside are refused. If there are
    problems, the exit code is 1.
    """
    from attnforge.data.checks.checking import check_images
    from attnforge.data.images.stored import ImageFolder
    from attnforge.data.reading.preparing import prepare as prepare_files

    layout = _layout(name)
    if sources:
        written = prepare_files(layout, sources, output)
        with click.progressbar(
            written, label="files", show_eta=False, file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as shown:
            count = sum(1 for _ in shown)
        print_text(f"{count:,} files in {output}", err=True)
    metadata = layout.read_with(output, options)
    store = ImageFolder(output, metadata.rows.file_names)
    report = check_images(store, metadata, watch=_watch, next_step=metadata.next_step)
    _show(context, report, as_json)


def _watch(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, with a progress bar on a terminal."""
    with click.progressbar(rows, label="images", file=sys.stderr, hidden=not sys.stderr.isatty()) as shown:
        yield from shown


def _layout(name: str) -> Layout:
    """The folder layout of a data set."""
    from attnforge.data.reading.preparing import Layout
    from attnforge.plugin import load_plugins

    registry = load_plugins().registry
    layout = getattr(registry.load(registry.get("dataset", name)), "layout", None)
    if isinstance(layout, Layout):
        return layout
    message = f"the data set `{name}` has no folder layout to prepare"
    raise DataError(Problem("nothing-to-lay-out", message, next_step="attnforge components dataset"))


def _show(context: click.Context, report: FolderReport, as_json: bool) -> None:
    if as_json:
        print_json(report.plain())
    else:
        print_text(_page(report))
    context.exit(1 if report.problems else 0)


def _page(report: FolderReport) -> str:
    lines = _shown(report.problems)
    lines += [line.replace("error[", "remark[", 1) for line in _shown(report.remarks)]
    if report.images:
        lines += [
            report.source,
            f"  images                {report.images:,} ({_counts(report.splits)})",
            f"  classes               {report.classes:,}"
            if report.classes
            else "  classes               none",
            f"  bounding boxes        {report.boxes:,}",
            f"  captions              {report.captions:,}, {_spread(report.captions_per_image)} per image",
            f"  words per caption     {_spread(report.words_per_caption)}",
            f"  vocabulary            {report.vocabulary:,} words",
            f"  most frequent words   {_counts(report.frequent_words)}",
            f"  words that occur once {_listed(report.single_words)}",
            f"  image sizes           {_counts(report.sizes, limit=6)}",
            f"  image modes           {_counts(report.modes)}",
        ]
    count = _number(len(report.problems), "problem") if report.problems else "no problems"
    lines.append(f"{count}, {_number(len(report.remarks), 'remark')}" if report.remarks else count)
    return "\n".join(lines)


def _shown(problems: Sequence[Problem]) -> list[str]:
    """Problems as lines; of one code only the first, since thousands of images may lack the same."""
    listed, counts = list[str](), Counter[str]()
    for problem in problems:
        counts[problem.code] += 1
        if counts[problem.code] <= SHOWN:
            listed.append(str(problem))
    more = {code: count - SHOWN for code, count in counts.items() if count > SHOWN}
    return listed + [f"error[{code}]: {count:,} more; --json lists all" for code, count in more.items()]


def _listed(names: Sequence[str], *, limit: int = 20) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - limit:,} others" if len(names) > limit else ""
    return f"{len(names):,}: {', '.join(names[:limit])}{more}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "none"
    if spread.least == spread.most:
        return str(spread.least)
    return f"{spread.least} to {spread.most} (median {spread.median})"


def _counts(counts: dict[str, int], *, limit: int = 20) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:limit])
    more = len(counts) - limit
    return f"{shown} and {more:,} others" if more > 0 else shown


def _refuse_own_source(source: Path, target: Path) -> None:
    """Refuse to write shards among the images that they are made of: the folder would be two data sets."""
    if not target.exists() or not source.samefile(target):
        return
    raise DataError(
        Problem(
            code="shards-in-source",
            message=f"{target} is the folder that shards are to be made of",
            place=Place(str(target)),
            expected="another folder, new or empty",
            next_step=f"attnforge data shard {shlex.quote(str(source))} {shlex.quote(f'{target}-shards')}",
        )
    )
