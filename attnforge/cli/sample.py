"""`attnforge sample`: draw captions with a trained run."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.terminal import say


@click.command("sample")
@click.argument("run", type=PATH)
@click.argument("captions", nargs=-1, required=True, metavar="CAPTION...")
@click.option(
    "-n", "--count", type=click.IntRange(min=1), default=4, show_default=True, help="Pictures a caption."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Decides the noise.")
@click.option(
    "--attention",
    is_flag=True,
    help="Also draw the strongest words of each stage, and where the matching finds words.",
)
@click.option("--out", type=PATH, help="Folder to write to; RUN/drawings when not given.")
@click.option("--device", default="auto", show_default=True)
def command(
    run: Path,
    captions: tuple[str, ...],
    count: int,
    seed: int,
    attention: bool,
    out: Path | None,
    device: str,
) -> None:
    """Draw each CAPTION with the newest checkpoint of RUN.

    The same run, caption and seed give the same pictures, whatever else is drawn with them.
    """
    from attnforge.run.drawings import SHEET, SHEET_ROWS, write_drawings
    from attnforge.run.pipeline import Pipeline

    pipeline = Pipeline.load(run, device=device)
    for word in pipeline.unknown_words(captions):
        say(f"warning: the run does not know the word {word!r}; it is left out", err=True)
    once = list(dict.fromkeys(captions))  # the same caption has the same images
    drawings = pipeline.draw_each(once, count=count, seed=seed, attention=attention)
    for path in write_drawings(drawings, out or run / "drawings", attention=attention):
        say(path)
    if (images := len(once) * count) > SHEET_ROWS:
        say(f"{SHEET} shows the first {SHEET_ROWS} of {images:,} images", err=True)
