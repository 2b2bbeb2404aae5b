"""`attnforge train`: trains a recipe, or resumes a run."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal


@click.command("train")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=PATH, help="Run folder; by default runs/RECIPE-DIGEST.")
@click.option("--resume", is_flag=True, help="Resume a run; RECIPE may then be its folder or a checkpoint.")
@click.pass_obj
def command(
    stop: StopSignal, recipe: str, overrides: tuple[str, ...], out: Path | None, resume: bool
) -> None:
    """Train every phase of RECIPE, a recipe's name or file, in a run folder.

    Values of the recipe are changed with KEY=VALUE, for example `training.seed=2` or `data.root=images`.
    Ctrl-C saves a checkpoint and exits; `--resume` continues. `--resume RUN --out FOLDER` leaves RUN
    unchanged and trains a branch of it in FOLDER; with a checkpoint instead of RUN, it starts from there.
    """
    from attnforge.plugin import load_plugins
    from attnforge.recipe import resolve
    from attnforge.run.opening import names_a_run, open_run
    from attnforge.run.training import train
    from attnforge.train.progress import ConsoleReporter

    plugins = load_plugins()
    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    if resume and names_a_run(recipe, plugins):
        opened = open_run(Path(recipe), out=out, overrides=overrides, plugins=plugins, warn=reporter.warning)
        path = opened.path
        outcome = train(
            opened.resolved, path, resume=True, reporter=reporter, recipe_text=opened.recipe_text, stop=stop
        )
    else:
        resolved = resolve(recipe, overrides=overrides, plugins=plugins)
        path = out or Path("runs") / f"{resolved.name}-{resolved.digest[:8]}"
        outcome = train(resolved, path, resume=resume, reporter=reporter, stop=stop)
    if not outcome.finished:
        raise click.exceptions.Exit(stop.exit_code)
    if not outcome.recorded:
        return
    for name, value in outcome.metrics.items():
        reporter.line(f"{name}: {value:.3g}" if isinstance(value, float) else f"{name}: {value}")
    reporter.line(f"done; next: attnforge report {path}")
