"""`attnforge train`: trains a recipe, or resumes a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.boundary import boundary
from attnforge.cli.completing import keys_of_recipe, recipe_names
from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal
from attnforge.terminal import print_text

if TYPE_CHECKING:
    from attnforge.compute.meeting import Meeting


@click.command("train")
@click.argument("recipe", shell_complete=recipe_names)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=keys_of_recipe())
@click.option("--out", type=PATH, help="Run folder; by default runs/RECIPE-DIGEST.")
@click.option("--resume", is_flag=True, help="Resume a run; RECIPE may then be its folder or a checkpoint.")
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Resume although values that affect training differ from those of the run.",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Save a checkpoint and exit after the first step that ends N minutes after the start.",
)
@click.option("--dry-run", is_flag=True, help="Print sizes, memory and FLOP, without data and training.")
@click.option(
    "--smoke", is_flag=True, help="Try it: two steps of every phase, metrics and a report, all removed."
)
@click.pass_obj
def command(
    stop: StopSignal,
    recipe: str,
    overrides: tuple[str, ...],
    out: Path | None,
    resume: bool,
    allow_changes: bool,
    max_minutes: float | None,
    dry_run: bool,
    smoke: bool,
) -> None:
    """Train every phase of RECIPE, a recipe's name or file, in a run folder.

    Values of the recipe are changed with KEY=VALUE, for example `training.seed=2` or `data.root=images`.
    Ctrl-C saves a checkpoint and exits; `--resume` continues. `--resume RUN --out FOLDER` leaves RUN
    unchanged and trains a branch of it in FOLDER; with a checkpoint instead of RUN, it starts from there.
    """
    from attnforge.compute.member import member

    if max_minutes is not None:
        stop.limit(60 * max_minutes)
    if dry_run and resume:
        raise click.UsageError("--dry-run trains nothing, so there is nothing to resume.")
    if smoke and (resume or dry_run or out is not None):
        raise click.UsageError("--smoke keeps nothing: it has no --out, and nothing to resume.")
    own = member()
    if smoke:
        _smoke(recipe, overrides, stop=stop)
        return
    if dry_run:
        if own.rank == 0:
            _estimate(recipe, overrides)
        return
    with ExitStack() as entered:
        meeting = None
        if own.world_size > 1:
            # before torch is imported: the loss of a process is reported here, without traces of torch's code
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
            from attnforge.compute.meeting import met

            meeting = entered.enter_context(met(own))
            entered.enter_context(boundary())  # what it translates is reported by one process
        _train(
            recipe,
            overrides,
            out=out,
            resume=resume,
            allow_changes=allow_changes,
            stop=stop,
            meeting=meeting,
        )


def _smoke(recipe: str, overrides: Sequence[str], *, stop: StopSignal) -> None:
    from attnforge.api.smoke import smoke
    from attnforge.train.progress import ConsoleReporter

    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    if not smoke(recipe, overrides=overrides, stop=stop, reporter=reporter):
        raise click.exceptions.Exit(stop.exit_code)


def _estimate(recipe: str, overrides: Sequence[str]) -> None:
    from attnforge.plugin import load_plugins
    from attnforge.recipe import resolve
    from attnforge.run.estimate.summary import dry_run

    for line in dry_run(resolve(recipe, overrides=overrides, plugins=load_plugins())):
        print_text(line)


def _train(
    recipe: str,
    overrides: Sequence[str],
    *,
    out: Path | None,
    resume: bool,
    allow_changes: bool,
    stop: StopSignal,
    meeting: Meeting | None,
) -> None:
    from attnforge.api.training import start
    from attnforge.evaluate.headlines import lines
    from attnforge.train.progress import ConsoleReporter

    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    outcome = start(
        recipe,
        overrides=overrides,
        out=out,
        resume=resume,
        allow_changes=allow_changes,
        stop=stop,
        reporter=reporter,
        meeting=meeting,
    )
    if not outcome.finished:
        raise click.exceptions.Exit(stop.exit_code)
    if not outcome.recorded:
        return
    for line in lines(outcome.metrics):
        reporter.line(line)
    reporter.line(f"done; next: attnforge report {outcome.run.path}")
