"""`attnforge import stackgan` and `attnforge export stackgan`."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(path_type=Path)


@click.command("stackgan")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The folder to write to.")
def import_command(files: tuple[Path, ...], out: Path) -> None:
    """Import checkpoints of the official StackGAN code, such as netG_epoch_120.pth, as weights for recipes.

    A file is recognised by its tensors; no code in it is executed. OUT/generator.safetensors and others are
    what `pretrained` of a recipe takes. The official code has its sentences from a published encoder, whose
    .t7 files are not read.
    """
    from attnforge_stackgan.official import import_files

    modules = {"first": "generator.first"}
    weights = []
    for written in import_files(files, out):
        click.echo(f"{written.path}: {written.summary}")
        weights.append(f"{modules.get(written.path.stem, written.path.stem)}: {written.path}")
    click.echo(f"next: attnforge train RECIPE 'pretrained={{{', '.join(weights)}}}'")


@click.command("stackgan")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The folder to write to.")
def export_command(files: tuple[Path, ...], out: Path) -> None:
    """Export .safetensors files of StackGAN's networks, such as a checkpoint's, for the official code."""
    from attnforge_stackgan.official import export_files

    for written in export_files(files, out):
        click.echo(f"{written.path}: {written.summary}")
