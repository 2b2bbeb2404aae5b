"""`attnforge export web`: a run as a page."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("web")
@click.argument("run", type=PATH)
@click.option("-o", "--out", type=PATH, required=True, help="The HTML file to create.")
@click.option(
    "--precision",
    type=click.Choice(["int8", "float16"]),
    default="int8",
    show_default=True,
    help="How weights are stored; float16 makes files almost twice as large.",
)
@click.option(
    "--words",
    type=click.IntRange(1, 4096),
    help="The most tokens of a caption; by default twice those of the longest sample caption, at least 24.",
)
def command(run: Path, out: Path, precision: str, words: int | None) -> None:
    """Write RUN, a run or a checkpoint, as one HTML file that generates in the browser.

    It is the page of `attnforge play` without a server: open it from a disk, or put it on any web space. The
    weights are in it, and it loads and sends nothing.
    """
    from typing import cast

    from attnforge.export.web.weights import Precision
    from attnforge.export.web.writing import export_page

    page = export_page(run, out, precision=cast("Precision", precision), words=words)
    print_text(page.path)
    print_text(
        f"{page.size / 1e6:.1f} MB; images differ from the run's by {page.difference:.2g} of 255 on average, "
        f"because weights are stored as {precision}"
    )
    print_text(f"next: open {page.path} in a browser")
