"""`attnforge quickstart`: training, evaluation and report in minutes, on synthetic images."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import keys_of_recipe
from attnforge.cli.paths import PATH
from attnforge.run.stop import StopSignal


@click.command("quickstart")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=keys_of_recipe("quickstart"))
@click.option("--out", type=PATH, help="Run folder; by default runs/quickstart-DIGEST.")
@click.option(
    "--smoke", is_flag=True, help="Try it: two steps of every phase, metrics and a report, all removed."
)
@click.pass_obj
def command(stop: StopSignal, overrides: tuple[str, ...], out: Path | None, smoke: bool) -> None:
    """Train AttnGAN on sketched birds, evaluate it, and write a report.

    First the encoders learn to match captions with images, then the GAN is trained. A run that was stopped
    is resumed.
    """
    import time

    from attnforge.api.recipes import recipe
    from attnforge.api.training import start
    from attnforge.evaluate.headlines import lines
    from attnforge.report.compose import report_run
    from attnforge.train.progress import ConsoleReporter, duration

    start_time = time.monotonic()
    reporter = ConsoleReporter(lost=stop.request_for_closed_pipe)
    if smoke:
        if out is not None:
            raise click.UsageError("--smoke keeps nothing, so it has no --out.")
        from attnforge.api.smoke import smoke as try_out

        if not try_out("quickstart", overrides=overrides, stop=stop, reporter=reporter):
            raise click.exceptions.Exit(stop.exit_code)
        return
    outcome = start(
        recipe("quickstart", overrides=overrides),
        out=out,
        resume=True,
        allow_changes=False,
        stop=stop,
        reporter=reporter,
    )
    if not outcome.finished:
        raise click.exceptions.Exit(stop.exit_code)

    path = outcome.run.path
    report = report_run(path, device="auto")
    for line in lines(outcome.metrics):
        reporter.line(f"  {line}")
    reporter.line(f"trained, evaluated and reported in {duration(time.monotonic() - start_time)}")
    reporter.line(
        f'generate your own images: attnforge sample {path} "a red bird with blue wings" --attention'
    )
    reporter.line(f"report: {report.resolve()}")
