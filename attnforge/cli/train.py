"""`attnforge train`: train a recipe, or go on with a run."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal


@click.command("train")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=PATH, help="Run folder; runs/RECIPE-DIGEST when not given.")
@click.option("--resume", is_flag=True, help="Go on with a run; RECIPE may then be its folder.")
@click.pass_obj
def command(
    stop: StopSignal, recipe: str, overrides: tuple[str, ...], out: Path | None, resume: bool
) -> None:
    """Train every phase of RECIPE, a recipe's name or file, into a run folder.

    Values of the recipe are changed with KEY=VALUE, for example `training.seed=2` or
    `data.root=pictures`. Ctrl-C saves and leaves; `--resume` goes on.
    """
    from attnforge.plugin import load_plugins
    from attnforge.recipe import resolve
    from attnforge.recipe.library import is_file, is_folder
    from attnforge.run.folder import RunFolder
    from attnforge.run.progress import ConsoleReporter
    from attnforge.run.training import train

    plugins = load_plugins()
    folder = Path(recipe)
    names_a_run = resume and not is_file(folder) and (is_folder(folder) or len(folder.parts) > 1)
    source = RunFolder.open(folder).lock if names_a_run else recipe
    resolved = resolve(source, overrides=overrides, plugins=plugins)
    path = out or (folder if names_a_run else Path("runs") / f"{resolved.name}-{resolved.digest[:8]}")
    reporter = ConsoleReporter(lost=stop.closed)
    outcome = train(resolved, path, resume=resume, reporter=reporter, stop=stop)
    if not outcome.finished:
        raise click.exceptions.Exit(stop.exit_code)
    for name, value in outcome.figures.items():
        reporter.line(f"{name}: {value:.3g}" if isinstance(value, float) else f"{name}: {value}")
    reporter.line(f"done; next: attnforge report {path}")
