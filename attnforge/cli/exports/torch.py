"""`attnforge export torch`: a run as programs of `torch.export`."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.exports.graphs import graph_options, print_written
from attnforge.cli.paths import PATH


@click.command("torch")
@click.argument("run", type=PATH, shell_complete=run_folders)
@graph_options
def command(run: Path, out: Path, words: int | None) -> None:
    """Write the newest checkpoint of RUN, or the checkpoint RUN, as programs of `torch.export`.

    `torch.export.load` reads `text.pt2` and `generator.pt2` without attnforge. `model.json` says what they
    expect and return, and `tokens.json` has the table of tokens. Both are compared with the run.
    """
    from attnforge.export.formats import torch_format
    from attnforge.export.writing import export_graphs

    print_written(export_graphs(run, out, torch_format(), words=words))
