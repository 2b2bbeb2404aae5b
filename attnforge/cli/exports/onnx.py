"""`attnforge export onnx`: a run as ONNX files."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.exports.graphs import graph_options, print_written
from attnforge.cli.paths import PATH


@click.command("onnx")
@click.argument("run", type=PATH, shell_complete=run_folders)
@graph_options
def command(run: Path, out: Path, words: int | None) -> None:
    """Write the newest checkpoint of RUN, or the checkpoint RUN, as ONNX files.

    `text.onnx` turns token ids into features, `generator.onnx` features and noise into images and attention
    maps, for any number of images. `model.json` says what they expect and return, and `tokens.json` has the
    table of tokens. Both files are compared with the run; differences above 1e-4 are an error.
    """
    from attnforge.export.formats import onnx_format
    from attnforge.export.writing import export_graphs

    print_written(export_graphs(run, out, onnx_format(), words=words))
