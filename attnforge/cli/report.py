"""`attnforge report`: writes one HTML file about a run."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("report")
@click.argument("run", type=PATH, shell_complete=run_folders)
@click.option("--device", default="auto", show_default=True, help="Where to generate: auto, cpu or cuda.")
def command(run: Path, device: str) -> None:
    """Write RUN/report.html: metrics, attention maps, samples over time, curves.

    Images for the run's fixed captions are generated with its newest checkpoint, or with the checkpoint whose
    path RUN is. The path of the report is printed.
    """
    from attnforge.report.compose import report_run

    print_text(report_run(run, device=device))
