"""`attnforge edit`: images of the same noise for a caption in which words are swapped."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import keys_of_run, run_folders
from attnforge.cli.paths import PATH
from attnforge.cli.prompts import place_of, read_extras, warn_of_unknown_words
from attnforge.errors import Problem, RunError
from attnforge.terminal import print_text


@click.command("edit")
@click.argument("run", type=PATH, shell_complete=run_folders)
@click.argument("caption")
@click.argument(
    "overrides", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=keys_of_run("run", "sampling")
)
@click.option(
    "--swap",
    "swaps",
    multiple=True,
    required=True,
    metavar="WORD=WORD",
    help="A word of CAPTION and what replaces it, wherever it occurs. May be given several times; a later "
    "swap of the same word replaces the earlier.",
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    help="Noises: columns of the sheet.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the noise.")
@click.option(
    "--with",
    "extras",
    multiple=True,
    metavar="NAME=NUMBERS",
    help="What the model needs besides captions, such as box=0.1,0.2,0.5,0.6.",
)
@click.option("--out", type=PATH, help="Folder to write to; by default RUN/generated.")
@click.option("--device", default="auto", show_default=True)
def command(
    run: Path,
    caption: str,
    overrides: tuple[str, ...],
    swaps: tuple[str, ...],
    count: int,
    seed: int,
    extras: tuple[str, ...],
    out: Path | None,
    device: str,
) -> None:
    """Generate images of CAPTION and of the caption with words swapped, from the same noise, on one sheet.

    The first row has the images of CAPTION; each swap adds a row, with this and all earlier swaps made. Below
    the images are the attention maps of the words that change, as in Figure 5 of the AttnGAN paper. How they
    are generated may be changed with KEY=VALUE, such as `sampling.use=noise`.
    """
    pairs, values = read_swaps(swaps), read_extras(extras)
    from attnforge.api.model import load
    from attnforge.sheets.writing import write_swaps

    model = load(run, device=device, overrides=overrides)
    rows = model.swap(caption, pairs, n=count, seed=seed, regions=True, **values)
    warn_of_unknown_words(model.pipeline.parts.tokenizer, rows.captions)
    print_text(write_swaps(rows, out or model.pipeline.run.path / "generated"))


def read_swaps(texts: tuple[str, ...]) -> list[tuple[str, str]]:
    """The words of every `--swap`.

    Raises:
        RunError: a text is not WORD=WORD.
    """
    pairs = []
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals or not old.strip() or not new.strip() or "=" in new:
            message = f"`{text}` is not a word, `=` and the word that replaces it"
            step = "attnforge edit RUN CAPTION --swap red=blue"
            raise RunError(Problem("bad-swap", message, place_of("--swap", text), "--swap WORD=WORD", step))
        pairs.append((old, new))
    return pairs
