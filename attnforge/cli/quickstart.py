"""`attnforge quickstart`: training, evaluation and report in minutes, on synthetic images."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal


@click.command("quickstart")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=PATH, help="Run folder; by default runs/quickstart-DIGEST.")
@click.pass_obj
def command(stop: StopSignal, overrides: tuple[str, ...], out: Path | None) -> None:
    """Train AttnGAN on sketched birds, evaluate it, and write a report.

    First the encoders learn to match captions with images, then the GAN is trained. A run that was stopped
    is resumed.
    """
    import time

    from attnforge.plugin import load_plugins
    from attnforge.recipe import resolve
    from attnforge.report.compose import report_run
    from attnforge.run.training import train
    from attnforge.train.progress import ConsoleReporter, duration

    start = time.monotonic()
    plugins = load_plugins()
    resolved = resolve("quickstart", overrides=overrides, plugins=plugins)
    path = out or Path("runs") / f"{resolved.name}-{resolved.digest[:8]}"
    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    outcome = train(resolved, path, resume=True, reporter=reporter, stop=stop)
    if not outcome.finished:
        raise click.exceptions.Exit(stop.exit_code)

    report = report_run(path, device="auto")
    for name, value in outcome.metrics.items():
        reporter.line(f"  {name}: {value:.3g}" if isinstance(value, float) else f"  {name}: {value}")
    reporter.line(f"trained, evaluated and reported in {duration(time.monotonic() - start)}")
    reporter.line(
        f'generate your own images: attnforge sample {path} "a red bird with blue wings" --attention'
    )
    reporter.line(f"report: {report.resolve()}")
