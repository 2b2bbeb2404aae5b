"""`attnforge import attngan` and `attnforge export attngan`."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(path_type=Path)


@click.command("attngan")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--generator", type=FILE, required=True, help="Such as bird_AttnGAN2.pth.")
@click.option("--text-encoder", type=FILE, required=True, help="Such as text_encoder200.pth.")
@click.option("--image-encoder", type=FILE, required=True, help="Such as image_encoder200.pth.")
@click.option("--captions", type=FILE, required=True, help="captions.pickle, which holds the vocabulary.")
@click.option(
    "--discriminator",
    "discriminators",
    type=FILE,
    multiple=True,
    help="Such as netD0.pth; once for every image size, smallest first.",
)
@click.option("--recipe", default="attngan", show_default=True, help="A recipe of the same widths.")
@click.option("-o", "--out", type=FILE, required=True, help="The run folder to create.")
def import_command(
    overrides: tuple[str, ...],
    generator: Path,
    text_encoder: Path,
    image_encoder: Path,
    captions: Path,
    discriminators: tuple[Path, ...],
    recipe: str,
    out: Path,
) -> None:
    """Import checkpoints of the official AttnGAN code as a run.

    No code in a file is executed. The word ids are those of captions.pickle. KEY=VALUE overrides values of
    the recipe, for example `data.root=birds`.
    """
    from attnforge_attngan.official.importing import OfficialFiles, import_official

    files = OfficialFiles(
        generator=generator,
        text_encoder=text_encoder,
        image_encoder=image_encoder,
        captions=captions,
        discriminators=discriminators,
    )
    run = import_official(files, out, recipe=recipe, overrides=overrides)
    click.echo(f"run {run.path}")
    if not discriminators:
        click.echo("no discriminators were imported; `attnforge train --resume` would train new ones")
    click.echo(f'next: attnforge sample {run.path} "a bird with red wings"')


@click.command("attngan")
@click.argument("run", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The folder to write to.")
@click.option("--discriminators", is_flag=True, help="Also write netD0.pth and so on.")
def export_command(run: Path, out: Path, discriminators: bool) -> None:
    """Export the newest checkpoint of RUN as files of the official AttnGAN code."""
    from attnforge_attngan.official.exporting import export_official

    export = export_official(run, out, discriminators=discriminators)
    for path in export.paths:
        click.echo(path)
    click.echo(export.captions)
