"""`attnforge report`: one HTML file that shows what a run learned."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("report")
@click.argument("run", type=PATH)
@click.option("--device", default="auto", show_default=True, help="Where to draw: auto, cpu or cuda.")
def command(run: Path, device: str) -> None:
    """Write RUN/report.html: metrics, words over pixels, samples over time, curves.

    The fixed captions of the run are drawn anew with its newest checkpoint, or with the checkpoint that RUN
    is the path of; the path of the report is printed.
    """
    from attnforge.run.report.compose import report_run

    print_text(report_run(run, device=device))
