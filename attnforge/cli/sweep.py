"""`attnforge sweep`: trains a run for every combination of values, and compares them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal


@click.command("sweep")
@click.argument("sweep")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=PATH, help="Folder; by default runs/sweep-NAME.")
@click.option("--dry-run", is_flag=True, help="Check everything and print the runs, without training.")
@click.pass_obj
def command(
    stop: StopSignal, sweep: str, overrides: tuple[str, ...], out: Path | None, dry_run: bool
) -> None:
    """Train and evaluate every run of SWEEP, a sweep's name or file, one after another.

    Finished runs are skipped and unfinished ones are resumed, so the same command continues after Ctrl-C. The
    results are written to the folder as a table, a plot, CSV and JSON, and updated by each call. KEY=VALUE is
    applied to the recipe of every run.
    """
    from attnforge.cli.listing import listing
    from attnforge.plugin import load_plugins
    from attnforge.sweep.execute import run_sweep, states
    from attnforge.sweep.plan import plan_sweep
    from attnforge.sweep.writing import FILES
    from attnforge.train.progress import ConsoleReporter

    plan = plan_sweep(sweep, overrides=overrides, out=out, plugins=load_plugins())
    if dry_run:
        run_states = states(plan)
        rows = [
            {
                "run": run.label,
                "recipe": run.resolved.name,
                "values": ", ".join(
                    f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in run.settings.items()
                ),
                "folder": str(run.folder),
                "state": run_states[run.folder.name],
            }
            for run in plan.runs
        ]
        if plan.encoders is not None:
            recipe = plan.encoders.resolved
            rows.insert(
                0,
                {
                    "run": "encoders for all runs",
                    "recipe": recipe.name if recipe else "",
                    "values": "",
                    "folder": str(plan.encoders.folder),
                    "state": run_states.get("encoders", "used as they are"),
                },
            )
        listing(rows, as_json=False, columns=["run", "recipe", "values", "folder", "state"])
        return
    command_line = ["attnforge", "sweep", sweep, *overrides, *(["--out", str(out)] if out else [])]
    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    if not run_sweep(plan, reporter=reporter, command=shlex.join(command_line), stop=stop):
        raise click.exceptions.Exit(stop.exit_code)
    reporter.line((plan.out / "results.md").read_text(encoding="utf-8"))
    for name in FILES:
        reporter.line(str(plan.out / name))
