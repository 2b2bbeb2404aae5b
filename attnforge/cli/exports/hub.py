"""`attnforge export hub` and `attnforge import hub`: folders for a model hub."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("hub")
@click.argument("run", type=PATH, shell_complete=run_folders)
@click.option("-o", "--out", type=PATH, required=True, help="The folder to create.")
def export_command(run: Path, out: Path) -> None:
    """Write RUN, a run or a checkpoint, as a folder for a model hub; nothing is uploaded.

    The folder has the weights as `attnforge export safetensors` writes them, and a model card, README.md,
    with the run's metrics, a grid of images and their limits. Fill in its licence.
    """
    from attnforge.export.hub import CARD, export_hub

    for path in export_hub(run, out):
        print_text(path)
    print_text(f"next: fill in the licence in {out / CARD}, then upload the folder")


@click.command("hub")
@click.argument("folder", type=PATH)
@click.option("-o", "--out", type=PATH, required=True, help="The run folder to create.")
def import_command(folder: Path, out: Path) -> None:
    """Make a run of FOLDER, which `attnforge export hub` or `attnforge export safetensors` wrote.

    Every command except `train --resume` accepts the run. No code in a file is executed.
    """
    from attnforge.export.hub import import_hub

    run = import_hub(folder, out)
    print_text(f"run {run.path}")
    print_text(f"next: attnforge sample {run.path} CAPTION")
