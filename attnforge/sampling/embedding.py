"""Sentence vectors of captions, by the text encoder of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.data.embeddings import caption_key
from attnforge.data.encoding import CaptionEncoder
from attnforge.sampling.bulk.captions import CaptionReader
from attnforge.sampling.encoders import TEXT, saved_parts
from attnforge.train.progress import warn_on_stderr

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
        RecipeError: encoding needs a plugin that is not installed.
        DataError: the file cannot be read, or has a caption without a known word.
    """
    parts = saved_parts(run, holding=TEXT, device=device, warn=warn)
    texts = _captions(CaptionReader(path=captions, tokenizer=parts.tokenizer))
    encode = CaptionEncoder(parts.text, parts.tokenizer, parts.device)
    vectors = [encode(texts[start : start + BATCH]).sentence.cpu() for start in range(0, len(texts), BATCH)]
    return texts, torch.cat(vectors)


def _captions(reader: CaptionReader) -> list[str]:
    """The captions of a file in its order, each once."""
    checked = reader.check(block_lines=BATCH)
    blocks = (reader.block(checked, number) for number in range(checked.blocks))
    return list(dict.fromkeys(caption_key(line.caption) for block in blocks for line in block))
