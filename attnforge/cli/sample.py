"""`attnforge sample`: generates images for captions with a trained run."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("sample")
@click.argument("run", type=PATH)
@click.argument("captions", nargs=-1, required=True, metavar="CAPTION...")
@click.option(
    "-n", "--count", type=click.IntRange(min=1), default=4, show_default=True, help="Images per caption."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the noise.")
@click.option(
    "--attention",
    is_flag=True,
    help="Also show attention maps: the strongest words of each stage, and where words match regions.",
)
@click.option(
    "--with",
    "extras",
    multiple=True,
    metavar="NAME=NUMBERS",
    help="What the model needs besides captions, such as box=0.1,0.2,0.5,0.6; once for all captions, or once "
    "for each.",
)
@click.option(
    "--sampling",
    metavar="YAML",
    help="How to generate, such as '{use: noise, truncation: 2}'; by default as the run's recipe says.",
)
@click.option("--out", type=PATH, help="Folder to write to; by default RUN/generated.")
@click.option("--device", default="auto", show_default=True)
def command(
    run: Path,
    captions: tuple[str, ...],
    count: int,
    seed: int,
    attention: bool,
    extras: tuple[str, ...],
    sampling: str | None,
    out: Path | None,
    device: str,
) -> None:
    """Generate images for each CAPTION with the newest checkpoint of RUN, or with the checkpoint RUN.

    The same run, caption and seed give the same images, whatever else is generated with them.
    """
    _refuse_files(run, captions)
    from attnforge.sampling.pipeline import Pipeline
    from attnforge.sheets.writing import SHEET, SHEET_ROWS, write_images

    values = _read_extras(extras)
    pipeline = Pipeline.load(run, device=device, sampling=sampling)
    tokenizer = pipeline.parts.tokenizer
    for caption in captions:
        unknown = ", ".join(repr(word) for word in dict.fromkeys(tokenizer.unknown(caption)))
        if unknown and (known := tokenizer.tokens(caption)):
            rest = " ".join(known)
            print_text(f"warning: unknown words {unknown}: {caption!r} is read as {rest!r}", err=True)
    unique = list(dict.fromkeys(captions))  # the same caption gives the same images
    images = pipeline.generate_each(unique, count=count, seed=seed, attention=attention, extras=values)
    for path in write_images(images, out or pipeline.run.path / "generated", attention=attention):
        print_text(path)
    if (total := len(unique) * count) > SHEET_ROWS:
        print_text(f"{SHEET} shows the first {SHEET_ROWS} of {total:,} images", err=True)


def _read_extras(texts: tuple[str, ...]) -> dict[str, list[float]]:
    """The numbers of every `--with`, by name; those of a name that is repeated follow one another.

    Raises:
        RunError: a text is not NAME=NUMBERS.
    """
    from attnforge.errors import Place, Problem, RunError

    values: dict[str, list[float]] = {}
    for text in texts:
        name, equals, numbers = text.partition("=")
        try:
            values.setdefault(name, []).extend(float(number) for number in numbers.split(","))
        except ValueError:
            equals = ""
        if not (name and equals):
            message = f"`{text}` is not a name with numbers"
            place = Place("command line", 1, 1, f"--with {text}"[:120], 1)
            raise RunError(Problem("bad-extra", message, place, "--with NAME=NUMBER,NUMBER,..."))
    return values


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
            step = f"xargs -d '\\n' attnforge sample {shlex.quote(str(run))}"
            step += "" if caption == "-" else f" < {shlex.quote(caption)}"
            raise RunError(Problem("captions-in-a-file", message, expected="CAPTION...", next_step=step))


def _is_file(caption: str) -> bool:
    try:
        return Path(caption).is_file()
    except (OSError, ValueError):
        return False
