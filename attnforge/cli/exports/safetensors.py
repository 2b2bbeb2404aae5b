"""`attnforge export safetensors`: the weights that generating needs."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("safetensors")
@click.argument("run", type=PATH, shell_complete=run_folders)
@click.option("-o", "--out", type=PATH, required=True, help="The folder to create.")
def command(run: Path, out: Path) -> None:
    """Write the weights of RUN, a run or a checkpoint, without what only training needs.

    `attnforge.load` and `attnforge sample` read the folder: a `.safetensors` file of each network, the
    vocabulary, the frozen recipe, and a manifest with the digest of each file.
    """
    from attnforge.export.hub import export_weights

    for path in export_weights(run, out):
        print_text(path)
    print_text(f"next: attnforge sample {out} CAPTION")
