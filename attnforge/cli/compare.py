"""`attnforge compare`: results of several systems side by side, or two recipes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.paths import PATH
from attnforge.terminal import print_text

if TYPE_CHECKING:
    from attnforge.evaluate.comparing import Comparison, Format

FORMATS = ("terminal", "markdown", "csv", "latex")


@click.command("compare")
@click.argument(
    "sources", nargs=-1, required=True, metavar="SOURCE...", type=PATH, shell_complete=run_folders
)
@click.option("--protocol", metavar="NAME", help="Which results of runs and folders that have several.")
@click.option("--format", "layout", type=click.Choice(FORMATS), default="terminal", show_default=True)
@click.option("--out", type=PATH, help="Write the table to a file.")
@click.option("--plot", type=PATH, metavar="FILE.svg", help="Also plot the values with their intervals.")
@click.option("--anyway", is_flag=True, help="Compare results of different conditions, and list them.")
@click.option("--recipes", is_flag=True, help="Compare two recipes, by name or path, instead of results.")
def command(
    sources: tuple[Path, ...],
    protocol: str | None,
    layout: str,
    out: Path | None,
    plot: Path | None,
    anyway: bool,
    recipes: bool,
) -> None:
    """Compare the results of runs, of folders of images, or of JSON files that `attnforge eval` wrote.

    Results of different protocols, captions, real images or networks are refused. Shares are compared image
    by image, with 95% intervals of their difference from the first SOURCE.
    """
    if len(sources) < 2:
        raise click.UsageError("There is nothing to compare: give two or more.")
    if recipes:
        if plot is not None:
            raise click.UsageError("--plot is of results, not of recipes.")
        text = _recipes(sources)
    else:
        comparison = _results(sources, protocol, anyway)
        text = comparison.text(cast("Format", layout))
        if plot is not None:
            from attnforge.sweep.comparison_plot import comparison_plot

            _write(plot, comparison_plot(comparison), what="plot")
    if out is None:
        print_text(text.rstrip("\n"))
    else:
        _write(out, text, what="table")


def _write(path: Path, text: str, *, what: str) -> None:
    from attnforge.errors import Problem, RunError
    from attnforge.storage.folder import write_text

    try:
        write_text(path, text)
    except OSError as error:
        message = f"the {what} cannot be written to {path}: {error.strerror or error}"
        problem = Problem("metrics-not-written", message, expected="a file in a writable folder")
        raise RunError(problem) from error


def _results(sources: tuple[Path, ...], protocol: str | None, anyway: bool) -> Comparison:
    from attnforge.evaluate.comparing import compare
    from attnforge.evaluate.results import find_result, read_result

    results = [read_result(find_result(source, protocol=protocol)) for source in sources]
    return compare(results, anyway=anyway)


def _recipes(sources: tuple[Path, ...]) -> str:
    if len(sources) != 2:
        raise click.UsageError("--recipes compares two.")
    from attnforge.recipe import resolve
    from attnforge.recipe.differing import differing_values

    first, second = (resolve(str(source)) for source in sources)
    rows = differing_values(first.data(), second.data())
    if not rows:
        return f"{first.name} and {second.name} resolve to the same values\n"
    lines = [f"{key}: {ours} -> {theirs}" for key, ours, theirs in rows]
    return "\n".join([f"{first.name} -> {second.name}", *lines]) + "\n"
