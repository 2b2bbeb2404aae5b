"""`attnforge sweep`: trains a run for every combination of values, and compares them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal
from attnforge.terminal import print_text

if TYPE_CHECKING:
    from attnforge.sweep.plan import Plan


@click.command("sweep")
@click.argument("sweep")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=PATH, help="Folder; by default runs/sweep-NAME.")
@click.option("--dry-run", is_flag=True, help="Check everything and print the runs, without training.")
@click.option(
    "--estimate",
    is_flag=True,
    help="With --dry-run: also count the work of each run, and the hours on one GPU.",
)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    help="With --estimate: images of the training split, to count epochs where the data is missing.",
)
@click.option(
    "--teraflops",
    type=click.FloatRange(min=0, min_open=True),
    default=40.0,
    show_default=True,
    help="With --estimate: 10^12 operations a second that the GPU reaches in training, below its peak.",
)
@click.pass_obj
def command(
    stop: StopSignal,
    sweep: str,
    overrides: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    estimate: bool,
    images: int | None,
    teraflops: float,
) -> None:
    """Train and evaluate every run of SWEEP, a sweep's name or file, one after another.

    Finished runs are skipped and unfinished ones are resumed, so the same command continues after Ctrl-C. The
    results are written to the folder as a table, a plot, CSV and JSON, and updated by each call. KEY=VALUE is
    applied to the recipe of every run.
    """
    from attnforge.plugin import load_plugins
    from attnforge.sweep.execute import run_sweep
    from attnforge.sweep.plan import plan_sweep
    from attnforge.sweep.writing import FILES
    from attnforge.train.progress import ConsoleReporter

    if (estimate or images) and not dry_run:
        raise click.UsageError("--estimate and --images belong to --dry-run.")
    plan = plan_sweep(sweep, overrides=overrides, out=out, plugins=load_plugins())
    if dry_run:
        _list(plan)
        if estimate:
            _estimate(plan, images=images, teraflops=teraflops)
        return
    command_line = ["attnforge", "sweep", sweep, *overrides, *(["--out", str(out)] if out else [])]
    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    if not run_sweep(plan, reporter=reporter, command=shlex.join(command_line), stop=stop):
        raise click.exceptions.Exit(stop.exit_code)
    reporter.line((plan.out / "results.md").read_text(encoding="utf-8"))
    for name in FILES:
        reporter.line(str(plan.out / name))


def _list(plan: Plan) -> None:
    """Print the runs of a sweep, with their states."""
    from attnforge.cli.listing import listing
    from attnforge.sweep.execute import states

    run_states = states(plan)
    rows = [
        {
            "run": encoders.title,
            "recipe": encoders.resolved.name if encoders.resolved else "",
            "values": "",
            "folder": str(encoders.folder),
            "state": run_states.get(encoders.folder.name, "used as they are"),
        }
        for encoders in plan.encoders
    ]
    rows += [
        {
            "run": run.label,
            "recipe": run.resolved.name,
            "values": _values(run.settings),
            "folder": str(run.folder),
            "state": run_states[run.folder.name],
        }
        for run in plan.runs
    ]
    rows += [
        {
            "run": measurement.configuration,
            "recipe": "",
            "values": _values(measurement.settings),
            "folder": "",
            "state": f"measures {measurement.of or f'the highest {measurement.of_highest}'}",
        }
        for measurement in plan.measurements
    ]
    listing(rows, as_json=False, columns=["run", "recipe", "values", "folder", "state"])


def _estimate(plan: Plan, *, images: int | None, teraflops: float) -> None:
    """Print the steps, operations and hours of each run's phases, and their sum."""
    from attnforge.cli.listing import listing
    from attnforge.sweep.estimate import work_of

    rows, hours, unknown = [], 0.0, 0
    for work in work_of(plan, images=images):
        own = work.hours(teraflops)
        hours += own or 0.0
        unknown += own is None
        rows.append(
            {
                "run": work.run,
                "phase": work.phase,
                "steps": "unknown: give --images" if work.steps is None else f"{work.steps:,}",
                "TFLOP a step": work.reason or f"{(work.flop_per_step or 0) / 1e12:.4g}",
                "hours": "" if own is None else f"{own:.3g}",
            }
        )
    print_text("")
    listing(rows, as_json=False, columns=["run", "phase", "steps", "TFLOP a step", "hours"])
    missing = f"; {unknown} phases are not counted" if unknown else ""
    print_text("")
    print_text(
        f"{hours:.3g} hours on one GPU that reaches {teraflops:g} TFLOP/s, without loading, sampling and "
        f"measuring{missing}"
    )


def _values(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items())
