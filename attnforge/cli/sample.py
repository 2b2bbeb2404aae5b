"""`attnforge sample`: generates images for captions with a trained run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click

from attnforge.cli.completing import keys_of_run, run_folders
from attnforge.cli.paths import PATH
from attnforge.cli.prompts import read_extras, warn_of_unknown_words
from attnforge.cli.sample_file import OF_FILES, sample_captions_of
from attnforge.terminal import print_text


@click.command("sample")
@click.argument("run", type=PATH, shell_complete=run_folders)
@click.argument(
    "arguments",
    nargs=-1,
    metavar="[CAPTION]... [KEY=VALUE]...",
    shell_complete=keys_of_run("run", "sampling"),
)
@click.option(
    "-n",
    "--count",
    "--per-caption",
    type=click.IntRange(min=1, max=1000),
    help="Images per caption; by default 4 of a CAPTION, 1 of a line of a file.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the noise.")
@click.option(
    "--attention",
    is_flag=True,
    help="Also show attention maps: the words that stand out at each stage, and where words match regions.",
)
@click.option(
    "--with",
    "extras",
    multiple=True,
    metavar="NAME=NUMBERS",
    help="What the model needs besides captions, such as box=0.1,0.2,0.5,0.6; once for all captions, or once "
    "for each.",
)
@click.option("--out", type=PATH, help="Folder to write to; by default RUN/generated.")
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--captions",
    "file",
    type=PATH,
    metavar="FILE",
    help="Sample every line of FILE: text, or .jsonl with `caption`; held-out-birds and novel-scenes are "
    "shipped. The options below are for files.",
)
@click.option(
    "--format",
    "image_format",
    type=click.Choice(("png", "jpeg", "npz")),
    default="png",
    show_default=True,
    help="Of images; npz holds pixels.",
)
@click.option(
    "--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Quality of JPEG files."
)
@click.option("--shards", is_flag=True, help="Write tar archives as WebDataset reads them, not folders.")
@click.option(
    "--skip-unknown", is_flag=True, help="Skip lines without a known word instead of refusing them."
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes on this machine; they take turns on its GPUs.",
)
@click.option(
    "--part",
    metavar="NUMBER/COUNT",
    help="Sample only a share of the file, such as 2/8; by default as RANK and WORLD_SIZE, if set.",
)
@click.option("--batch-size", type=click.IntRange(1, 4096), help="Images of a batch; by default as fits.")
@click.option(
    "--encoders",
    type=click.IntRange(0, 256),
    default=0,
    help="Threads of each process that encode images; by default one a core, up to 8.",
)
@click.option(
    "--precision",
    type=click.Choice(("float32", "bf16")),
    default="float32",
    show_default=True,
    help="bf16 is faster and changes images slightly.",
)
def command(
    run: Path,
    arguments: tuple[str, ...],
    count: int | None,
    seed: int,
    attention: bool,
    extras: tuple[str, ...],
    out: Path | None,
    device: str,
    file: Path | None,
    **of_files: Any,
) -> None:
    """Generate images for each CAPTION with the newest checkpoint of RUN, or with the checkpoint RUN.

    The same run, caption and seed give the same images, whatever else is generated with them. How they are
    generated may be changed with KEY=VALUE, for example `sampling.use=plug-and-play`.

    With `--captions FILE --out FOLDER`, every line of a file is sampled, in blocks; the same command again
    resumes where it was stopped.
    """
    captions, overrides = _captions_and_overrides(arguments)
    values = read_extras(extras)
    if file is not None:
        if captions or attention:
            what = "a CAPTION" if captions else "--attention"
            raise click.UsageError(f"--captions FILE cannot be combined with {what}.")
        if out is None:
            raise click.UsageError("--captions FILE needs --out FOLDER.")
        sample_captions_of(
            file, run=run, out=out, count=count or 1, seed=seed, overrides=overrides, device=device,
            extras=values, **of_files,
        )  # fmt: skip
        return
    if not captions:
        raise click.UsageError("Missing argument 'CAPTION...', or the option --captions FILE.")
    _refuse_options_of_files()
    _refuse_files(run, captions)
    _sample(run, captions, count or 4, seed, attention, values, overrides, out, device)


def _refuse_options_of_files() -> None:
    """Refuse options that would have no effect."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in OF_FILES and source is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"{parameter.opts[0]} needs --captions FILE.")


def _sample(
    run: Path,
    captions: tuple[str, ...],
    count: int,
    seed: int,
    attention: bool,
    extras: dict[str, list[float]],
    overrides: tuple[str, ...],
    out: Path | None,
    device: str,
) -> None:
    from attnforge.sampling.pipeline import Pipeline
    from attnforge.sheets.writing import SHEET, SHEET_IMAGES, write_images

    pipeline = Pipeline.load(run, device=device, overrides=overrides)
    warn_of_unknown_words(pipeline.parts.tokenizer, captions)
    unique = list(dict.fromkeys(captions))  # the same caption gives the same images
    images = pipeline.generate_each(unique, count=count, seed=seed, attention=attention, extras=extras)
    for path in write_images(images, out or pipeline.run.path / "generated", attention=attention):
        print_text(path)
    if (total := len(unique) * count) > SHEET_IMAGES:
        shown = SHEET_IMAGES // count * count or SHEET_IMAGES
        print_text(f"{SHEET} shows the first {shown} of {total:,} images", err=True)


def _captions_and_overrides(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arguments that are captions, and those that set a key of the recipe."""
    from dataclasses import fields

    from attnforge.recipe.schema import Recipe

    sections = "|".join(section.name for section in fields(Recipe))
    is_override = re.compile(rf"({sections})(\.[^\s=]+)?=").match
    captions = tuple(text for text in arguments if not is_override(text))
    return captions, tuple(text for text in arguments if is_override(text))


def _refuse_files(run: Path, captions: tuple[str, ...]) -> None:
    """Refuse a file of captions, whose name would be taken as a caption.

    Raises:
        RunError: a caption is `-` or the path of a file.
    """
    from attnforge.errors import Problem, RunError

    for caption in captions:
        if caption == "-" or _is_file(caption):
            what = "standard input" if caption == "-" else f"the file {caption}"
            message = f"captions are read from the command line, not from {what}"
            name = "FILE" if caption == "-" else shlex.quote(caption)
            step = f"attnforge sample {shlex.quote(str(run))} --captions {name} --out FOLDER"
            raise RunError(Problem("captions-in-a-file", message, expected="CAPTION...", next_step=step))


def _is_file(caption: str) -> bool:
    try:
        return Path(caption).is_file()
    except (OSError, ValueError):
        return False
