"""`attnforge import` and `attnforge export` for StackGAN and StackGAN-v2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from attnforge_stackgan.layouts import Layout

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
    from attnforge_stackgan.layouts import STACKGAN

    _import(files, out, STACKGAN)


@click.command("stackgan")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The folder to write to.")
def export_command(files: tuple[Path, ...], out: Path) -> None:
    """Export .safetensors files of StackGAN's networks, such as a checkpoint's, for the official code."""
    from attnforge_stackgan.layouts import STACKGAN

    _export(files, out, STACKGAN)


@click.command("stackgan-v2")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The folder to write to.")
def import_tree_command(files: tuple[Path, ...], out: Path) -> None:
    """Import checkpoints of the official StackGAN-v2 code, such as netG_210000.pth, as weights for recipes.

    A file is recognised by its tensors; no code in it is executed. The official generator's weights are
    averages. OUT/generator.safetensors and others are what `pretrained` of a recipe takes.
    """
    from attnforge_stackgan.layouts import STACKGAN_V2

    _import(files, out, STACKGAN_V2)


@click.command("stackgan-v2")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The folder to write to.")
def export_tree_command(files: tuple[Path, ...], out: Path) -> None:
    """Export .safetensors files of StackGAN-v2's networks, such as a checkpoint's, for the official code.

    Names have the prefix `module.`, as in the official files.
    """
    from attnforge_stackgan.layouts import STACKGAN_V2

    _export(files, out, STACKGAN_V2)


def _import(files: tuple[Path, ...], out: Path, layout: Layout) -> None:
    from attnforge_stackgan.official import import_files

    modules = {"first": "generator.first"}
    weights = []
    for written in import_files(files, out, layout=layout):
        click.echo(f"{written.path}: {written.summary}")
        weights.append(f"{modules.get(written.path.stem, written.path.stem)}: {written.path}")
    click.echo(f"next: attnforge train RECIPE 'pretrained={{{', '.join(weights)}}}'")


def _export(files: tuple[Path, ...], out: Path, layout: Layout) -> None:
    from attnforge_stackgan.official import export_files

    for written in export_files(files, out, layout=layout):
        click.echo(f"{written.path}: {written.summary}")
