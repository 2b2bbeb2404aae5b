"""`attnforge embed`: sentence vectors of captions, as a file."""

from __future__ import annotations

from pathlib import Path

import click

from attnforge.cli.completing import run_folders
from attnforge.cli.paths import PATH
from attnforge.terminal import print_text


@click.command("embed")
@click.argument("run", type=PATH, shell_complete=run_folders)
@click.option(
    "--captions", type=PATH, required=True, metavar="FILE", help="A caption on each line, or a .jsonl file."
)
@click.option("-o", "--out", type=PATH, required=True, metavar="FILE", help="The .npz file to write.")
@click.option("--device", default="auto", show_default=True, help="Where to compute.")
def command(run: Path, captions: Path, out: Path, device: str) -> None:
    """Encode the captions of a file with the text encoder of RUN, a run or a checkpoint.

    The file has each caption once, up to white space, with its sentence vector. The text encoder
    `precomputed` and NumPy read it.
    """
    from attnforge.data.embeddings import refuse_name, write_embeddings
    from attnforge.sampling.caption_files import caption_file
    from attnforge.sampling.embedding import embed_file

    refuse_name(out)
    texts, vectors = embed_file(run, caption_file(captions), device=device)
    write_embeddings(out, texts, vectors)
    print_text(f"{out}: {len(texts):,} captions, vectors of width {vectors.shape[1]}")
    print_text(
        f"next: attnforge train RECIPE 'tokenizer={{use: caption, file: {out}}}' "
        f"'text={{use: precomputed, file: {out}}}'"
    )
