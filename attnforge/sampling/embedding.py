"""Sentence vectors of captions, by the text encoder of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.build.assemble import assemble
from attnforge.compute.device import choose_device
from attnforge.data.embeddings import caption_key
from attnforge.data.encoding import CaptionEncoder
from attnforge.errors import Problem, RunError
from attnforge.recipe.resolve import resolve
from attnforge.sampling.bulk.captions import CaptionReader
from attnforge.sampling.saved_parts import SavedParts
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, read_checkpoint
from attnforge.storage.intact import intact_lock, no_intact_checkpoint
from attnforge.storage.locating import RunLocation, locate_run
from attnforge.train.progress import warn_on_stderr

TEXT = frozenset({"text"})
BATCH = 256
"""Captions that are encoded at once."""


def embed_file(
    run: Path, captions: Path, *, device: str = "auto", warn: Callable[[str], None] = warn_on_stderr
) -> tuple[list[str], Float[Tensor, "n d"]]:
    """The captions of a file, each once, and the sentence vectors that a run's text encoder gives them.

    Args:
        run: The run folder, or one of its checkpoints.
        captions: A text file with a caption on each line, or a `.jsonl` file.
        device: Where to compute; `auto` uses a GPU if there is one.
        warn: Called for every checkpoint that is skipped.

    Raises:
        RunError: the run is missing, or has no intact checkpoint with a text encoder.
        RecipeError: its recipe needs a plugin that is not installed.
        DataError: the file cannot be read, or has a caption without a known word.
    """
    location = locate_run(run)
    recipe = assemble(resolve(intact_lock(location.run, warn=warn)))
    checkpoint = _checkpoint(location, list(recipe.phases), warn)
    tokenizer = recipe.tokenizer()
    checkpoint.load_tokenizer(tokenizer)
    parts = SavedParts(recipe, tokenizer=tokenizer, device=choose_device(device), checkpoint=checkpoint)
    texts = _captions(CaptionReader(path=captions, tokenizer=tokenizer))
    encode = CaptionEncoder(parts.text, tokenizer, parts.device)
    vectors = [encode(texts[start : start + BATCH]).sentence.cpu() for start in range(0, len(texts), BATCH)]
    return texts, torch.cat(vectors)


def _captions(reader: CaptionReader) -> list[str]:
    """The captions of a file in its order, each once."""
    checked = reader.check(block_lines=BATCH)
    blocks = (reader.block(checked, number) for number in range(checked.blocks))
    return list(dict.fromkeys(caption_key(line.caption) for block in blocks for line in block))


def _checkpoint(location: RunLocation, phases: Sequence[str], warn: Callable[[str], None]) -> Checkpoint:
    """The checkpoint of a path, or the newest of a run, with a text encoder."""
    run, skipped = location.run, list[Damage]()
    if location.checkpoint is not None:
        checkpoint = read_checkpoint(run.checkpoints / location.checkpoint, holding=TEXT)
        skipped = [checkpoint] if isinstance(checkpoint, Damage) else []
    else:
        search = newest_checkpoint(run.checkpoints, phases=phases, holding=TEXT)
        checkpoint, skipped = search.checkpoint, list(search.passed_over)
    if isinstance(checkpoint, Checkpoint):
        for damage in skipped:
            warn(f"skipping checkpoint {damage}")
        return checkpoint
    if skipped:
        raise RunError(no_intact_checkpoint(run, skipped))
    message = f"run {run.path} has no checkpoint with a text encoder"
    expected = "a run that has saved a checkpoint"
    raise RunError(
        Problem("no-text-encoder", message, None, expected, f"attnforge train --resume {run.path}")
    )
